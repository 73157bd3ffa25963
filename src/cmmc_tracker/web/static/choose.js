// Choosing: among all objectives, in a dialog where there was only a link; and among the rows of a list.

import { make, send, signedOut } from './shared.js';

/** Show only the objectives that have all words, and open the families that have any. */
function narrow(choice, text) {
  const words = text.toLowerCase().split(/\s+/).filter(Boolean);
  let any = false;
  for (const family of choice.querySelectorAll('details')) {
    let here = false;
    for (const group of family.querySelectorAll('fieldset')) {
      const about = `${family.querySelector('summary').textContent} ${group.querySelector('legend').textContent}`;
      let some = false;
      for (const label of group.querySelectorAll('label')) {
        const said = `${label.querySelector('input').value} ${about} ${label.textContent}`.toLowerCase();
        label.hidden = !words.every((word) => stands(word, said));
        some ||= !label.hidden;
      }
      group.hidden = !some;
      here ||= some;
    }
    family.hidden = !here;
    family.open = here && (words.length > 0 || Boolean(family.querySelector('input:checked')));
    any ||= here;
  }
  const nothing = choice.parentElement.querySelector('[data-nothing]');
  if (nothing) nothing.hidden = any;
}

/** A number is whole at its end, so that 3.1.1 does not find 3.1.12. */
function stands(word, text) {
  for (let at = text.indexOf(word); at >= 0; at = text.indexOf(word, at + 1)) {
    if (!/\d$/.test(word) || !/\d/.test(text[at + word.length] || '')) return true;
  }
  return false;
}

const boxes = (choice) => [...choice.querySelectorAll('input')].filter((box) => !box.disabled && box.offsetParent);
const choiceOf = (element) => element.closest('dialog, main').querySelector('[data-choice]');

function count(choice) {
  const place = choice.closest('form').querySelector('[data-chosen-count]');
  const number = choice.querySelectorAll('input:checked:not(:disabled)').length;
  if (place) place.textContent = number ? `${number} chosen` : '';
}

document.addEventListener('input', (event) => {
  const field = event.target.closest('input[type=search][data-choice-filter], form[data-choice-filter] input[type=search]');
  if (field) narrow(choiceOf(field), field.value);
});
document.addEventListener('change', (event) => {
  const choice = event.target.closest('[data-choice]');
  if (choice) count(choice);
});
document.addEventListener('submit', (event) => {
  // What is typed has narrowed the choice already; going away for it would lose what is ticked.
  if (event.target.matches('form[data-choice-filter]')) event.preventDefault();
});
document.addEventListener('keydown', (event) => {
  const field = event.target.closest('input[type=search][data-choice-filter], form[data-choice-filter] input[type=search]');
  const box = event.target.closest('[data-choice] input');
  if (!field && !box) return;
  const all = boxes(choiceOf(event.target));
  const at = all.indexOf(box);
  const to = { ArrowDown: at + 1, ArrowUp: at - 1 }[event.key];
  if (field && event.key === 'Enter') { event.preventDefault(); all[0]?.focus(); return; }
  if (to === undefined) return;
  event.preventDefault();
  if (to < 0) choiceOf(event.target).closest('dialog, main').querySelector('#choice-q').focus();
  else all[Math.min(to, all.length - 1)]?.focus();
});

async function part(address) {
  const answer = await send(address, { headers: { 'X-Part': 'chooser' } }).catch(() => null);
  if (!answer?.ok || signedOut(answer)) return null;
  return [...new DOMParser().parseFromString(await answer.text(), 'text/html').body.childNodes];
}

/** Another system has other links: its choice takes the place of the one that is shown. */
async function fill(form) {
  const nodes = await part(`${form.action}?${new URLSearchParams(new FormData(form))}`);
  if (nodes) form.closest('dialog').querySelector('.content').replaceChildren(...nodes);
}

document.addEventListener('change', (event) => {
  const form = event.target.closest('form[data-choice-filter]');
  if (!form || !event.target.matches('select')) return;
  if (form.closest('dialog')) fill(form);
  else form.submit();
});

async function open(link) {
  const nodes = await part(link.href);
  if (!nodes) { location.href = link.href; return; }
  const shut = make('button', { type: 'button', className: 'link', ariaLabel: 'Close' }, '✕');
  const title = make('h2', { id: 'choice-title' }, 'Link to objectives');
  const dialog = make('dialog', { className: 'sheet-dialog' }, make('div', { className: 'dialog-head' }, title, shut), make('div', { className: 'content' }, ...nodes));
  dialog.setAttribute('aria-labelledby', 'choice-title');
  shut.addEventListener('click', () => dialog.close());
  dialog.addEventListener('close', () => { dialog.remove(); link.focus(); });
  document.body.append(dialog);
  dialog.showModal();
  dialog.querySelector('#choice-q').focus();
}

document.addEventListener('click', (event) => {
  const link = event.target.closest('a[data-choose]');
  if (!link || event.ctrlKey || event.metaKey || event.shiftKey) return;
  event.preventDefault();
  open(link);
});

// The list: all of a page at once, a range by Shift, and how many are chosen.
const list = document.getElementById('selection');
if (list) {
  const ticks = () => [...document.querySelectorAll('input[name=chosen][form=selection]')];
  const all = document.querySelector('[data-tick-all]');
  let last = null;
  const show = () => {
    const chosen = ticks().filter((box) => box.checked).length;
    list.classList.toggle('some', chosen > 0);
    list.querySelector('[data-tick-count]').textContent = chosen ? `${chosen} chosen:` : 'With the ticked ones:';
    all.checked = chosen > 0 && chosen === ticks().length;
    all.indeterminate = chosen > 0 && !all.checked;
  };
  all.addEventListener('change', () => { for (const box of ticks()) box.checked = all.checked; show(); });
  document.addEventListener('click', (event) => {
    const box = event.target.closest('input[name=chosen]');
    if (!box) return;
    if (event.shiftKey && last) {
      const boxesNow = ticks();
      const [from, to] = [boxesNow.indexOf(last), boxesNow.indexOf(box)].sort((a, b) => a - b);
      for (const one of boxesNow.slice(from, to + 1)) one.checked = box.checked;
    }
    last = box;
    show();
  });
  addEventListener('pageshow', show); // a browser that goes back has kept the ticks
}
