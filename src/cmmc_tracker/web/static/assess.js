// Working through the objectives by keys; each follows a link that is there without a script too.

/** Go on once what is still being saved is saved. */
function leave(link) {
  if (link) document.dispatchEvent(new CustomEvent('leaving', { detail: () => { location.href = link.href; } }));
}

document.addEventListener('click', (event) => {
  const link = event.target.closest('.walk a[rel]');
  if (!link || event.ctrlKey || event.metaKey || event.shiftKey) return;
  event.preventDefault();
  leave(link);
});

document.addEventListener('keydown', (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || document.querySelector('dialog[open]')) return;
  const field = event.target.closest('input:not([type=radio], [type=checkbox]), textarea, select');
  if (field) {
    if (event.key === 'Escape') field.blur();
    return;
  }
  if (event.key !== 'j' && event.key !== 'k') return;
  event.preventDefault();
  leave(document.querySelector(`.walk a[rel=${event.key === 'j' ? 'next' : 'prev'}]`));
});
