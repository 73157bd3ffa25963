// Triage by keys; every one of them presses a button or goes to a field that is there without a script too.

const press = (selector) => document.querySelector(selector)?.click();

const ACTS = {
  l: () => document.getElementById('find').focus(),
  d: () => document.getElementById('covers_from').focus(),
  n: () => press('[data-move] [value=next]'),
  ArrowRight: () => press('[data-move] [value=next]'),
  b: () => press('[data-move] [value=back]:enabled'),
  ArrowLeft: () => press('[data-move] [value=back]:enabled'),
  u: () => press('form[data-undo] button'),
  '?': () => { const keys = document.getElementById('keys'); keys.open = !keys.open; if (keys.open) keys.scrollIntoView({ block: 'nearest' }); },
};
for (const number of [1, 2, 3, 4, 5]) ACTS[number] = () => press(`[data-suggestion="${number}"] button`);

document.addEventListener('keydown', (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || document.querySelector('dialog[open]')) return;
  const field = event.target.closest('input, textarea, select');
  if (field) {
    if (event.key === 'Escape') field.blur();
    return;
  }
  // What scrolls sideways keeps its arrows.
  if (event.key.startsWith('Arrow') && event.target.closest('[tabindex="0"]')) return;
  const act = ACTS[event.key];
  if (!act) return;
  event.preventDefault();
  act();
});
