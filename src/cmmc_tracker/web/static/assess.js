// Working through the objectives by keys; each presses a link or goes to a field that is there without a script too.

const follow = (rel) => document.querySelector(`.walk a[rel=${rel}]`)?.click();

document.addEventListener('keydown', (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  const field = event.target.closest('input:not([type=radio], [type=checkbox]), textarea, select');
  if (field) {
    if (event.key === 'Escape') field.blur();
    return;
  }
  if (event.key !== 'j' && event.key !== 'k') return;
  event.preventDefault();
  // What is still being saved is saved first.
  document.dispatchEvent(new CustomEvent('leaving', { detail: () => follow(event.key === 'j' ? 'next' : 'prev') }));
});
