// Where CUI may not be stored, a name that hints at it is told before the file is sent. What counts is decided by the
// server (`domain/markings.py`); the words come with the form.

import { make } from './shared.js';

/** Whether the name hints at controlled information that may not go where the form sends it. */
export function hints(form, name) {
  const told = form.querySelector('[data-marks]')?.dataset;
  const system = form.querySelector('[name=system]')?.value;
  if (!told || (system && !told.closed.split(' ').includes(system))) return false;
  const words = new Set((name.match(/[A-Za-z]+/g) || []).map((word) => word.toLowerCase()));
  const marks = told.marks.split(' ').filter((word) => words.has(word));
  return marks.length > 0 && !(marks.join() === 'cui' && told.about.split(' ').some((word) => words.has(word)));
}

// In the tray it is asked file by file; where a form is filled in first, it is said beside the choice.
document.addEventListener('change', (event) => {
  const form = event.target.closest('form:not([data-upload]), form[data-stay]');
  if (!form || event.target.type !== 'file') return;
  form.querySelector('.hinted')?.remove();
  const names = [...event.target.files].map((file) => file.name).filter((name) => hints(form, name));
  if (!names.length) return;
  const shown = names.slice(0, 3).join(', ') + (names.length > 3 ? ` and ${names.length - 3} more` : '');
  const said = `By its name this may hold controlled information, which may not be stored here: ${shown}. `
    + 'Choose again without it, or go on if it holds none.';
  event.target.after(make('p', { className: 'warning hinted', role: 'alert' }, said));
});
