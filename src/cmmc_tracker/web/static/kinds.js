// What kind of evidence the chosen files may be, proposed in the form, where it is seen and can be changed before
// anything is sent. The marks come with the form; the rule is that of `domain/kinds.py`.

import { make } from './shared.js';

function proposed(name, { marks, endings }) {
  const cut = name.slice(-200);
  const dot = cut.lastIndexOf('.');
  const stem = dot > 0 ? cut.slice(0, dot) : cut.slice(dot + 1);
  const words = stem.replace(/(?<=[a-z])(?=[A-Z])/g, ' ').toLowerCase().match(/[a-z]+/g) || [];
  const text = ` ${words.join(' ')} `;
  const found = Object.keys(marks).map((mark) => ({ mark, at: text.lastIndexOf(` ${mark} `) })).filter(({ at }) => at >= 0);
  found.sort((one, two) => (two.at + two.mark.length) - (one.at + one.mark.length) || two.mark.length - one.mark.length);
  if (found.length) return marks[found[0].mark];
  return (dot >= 0 && endings[cut.slice(dot + 1).toLowerCase()]) || '';
}

function say(select, text) {
  select.parentElement.querySelector('.hint')?.remove();
  select.removeAttribute('aria-describedby');
  if (!text) return;
  select.after(make('p', { className: 'hint', id: `${select.id}-hint`, role: 'status' }, text));
  select.setAttribute('aria-describedby', `${select.id}-hint`);
}

function propose(form) {
  const select = form.querySelector('select[data-kinds]');
  if (!select || select.dataset.chosen) return;
  const rules = JSON.parse(select.dataset.kinds);
  const names = [...form.querySelectorAll('input[type=file]')].flatMap((input) => [...input.files].map((file) => file.name));
  const kinds = new Set(names.map((name) => proposed(name, rules)));
  const [kind] = kinds.size === 1 ? kinds : [''];
  select.value = kind || 'other';
  if (kind) say(select, `Proposed by ${names.length > 1 ? 'their names' : 'the name'}. Change it if it is something else.`);
  else say(select, kinds.size > 1 ? 'By their names the files are of several kinds. All of them get the one that is chosen here.' : '');
}

document.addEventListener('change', (event) => {
  if (event.target.matches('select[data-kinds]')) {
    event.target.dataset.chosen = 'yes';
    say(event.target, '');
  } else if (event.target.type === 'file' && event.target.form) propose(event.target.form);
});

// What was proposed for files that are sent is not said of the next ones: the form forgets it with their names.
document.addEventListener('submit', ({ target }) => setTimeout(() => propose(target)));
