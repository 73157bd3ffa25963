// The tray at the corner: a line for each upload, and above them what became of all.

import { make, send, size } from './shared.js';

const SHOWN_MS = 10_000;
const MANY = 2;
const MOST_SUGGESTED = 3;
const tray = document.getElementById('tray');
const counts = { files: 0, kept: 0, failed: 0, cancelled: 0, open: 0 };
const skipped = [];
const counted = new Intl.NumberFormat('en');
const many = () => counts.files > MANY || skipped.length > 0;
let head;
let drawing = false;
let unlinked = false;

function build() {
  if (head) return;
  tray.setAttribute('role', 'region');
  tray.setAttribute('aria-label', 'Uploads');
  const all = make('button', { type: 'button', className: 'link small' }, 'Cancel all');
  all.addEventListener('click', () => (counts.open ? tray.dispatchEvent(new Event('cancelall')) : empty()));
  head = { text: make('p', { className: 'small' }), end: make('p', { className: 'small' }), all };
  head.end.setAttribute('role', 'status');
  tray.append(make('div', { className: 'tray-head' }, make('div', {}, head.text, head.end), all), make('ul'));
}

function empty() {
  tray.querySelector('ul').replaceChildren();
  skipped.length = 0;
  for (const name of Object.keys(counts)) counts[name] = 0;
  unlinked = false;
  tray.hidden = true;
}

function several(number, word) {
  return `${counted.format(number)} ${word}${number === 1 ? '' : 's'}`;
}

/** Say above the lines how far all of them are, and at the end what became of them; at once for many changes. */
function sum() {
  if (drawing) return;
  drawing = true;
  setTimeout(() => { drawing = false; draw(); }, 30);
}

function draw() {
  build();
  const over = !counts.open;
  const said = [`${counted.format(counts.kept)} of ${several(counts.files, 'file')} kept`];
  if (counts.failed) said.push(`${counted.format(counts.failed)} not kept: see below`);
  if (counts.cancelled) said.push(`${counted.format(counts.cancelled)} cancelled`);
  if (skipped.length) {
    const names = [...new Set(skipped)];
    said.push(`${several(skipped.length, 'hidden file')} left out (${names.slice(0, 3).join(', ')}${names.length > 3 ? ' …' : ''})`);
  }
  head.text.textContent = many() && !over ? said.join(' · ') : '';
  head.end.textContent = many() && over ? `${said.join(' · ')}. ` : '';
  if (many() && over && unlinked && counts.kept) head.end.append(make('a', { href: '/triage' }, 'Go through them one by one'));
  head.all.textContent = over ? 'Hide all' : 'Cancel all';
  head.all.parentElement.hidden = !many();
}

/** Files that a computer put into a folder by itself are not sent; the tray says so. */
export function leftOut(names) {
  skipped.push(...names);
  sum();
  if (names.length) tray.hidden = false;
}

/** Ask in the tray, not in a dialog, before very many files are sent. */
export function ask(question, yes, go) {
  build();
  const line = make('li', { className: 'asking' });
  const answer = (label, act) => {
    const button = make('button', { type: 'button', className: 'small' }, label);
    button.addEventListener('click', () => { line.remove(); if (!tray.querySelector('li')) tray.hidden = true; act(); });
    return button;
  };
  const first = answer(yes, go);
  line.append(make('p', {}, question), make('p', { className: 'actions' }, first, answer('Not now', () => {})));
  tray.querySelector('ul').prepend(line);
  tray.hidden = false;
  first.focus();
}

/** One file's line in the tray. */
export class Row {
  constructor(file, where, path = '') {
    this.file = file;
    this.bar = make('progress', { max: file.size || 1, value: 0 });
    this.bar.setAttribute('aria-label', `Upload of ${file.name}`);
    this.state = make('span', { className: 'quiet small' }, `waiting, ${size(file.size)}`);
    this.button = make('button', { type: 'button', className: 'link small' }, 'Cancel');
    this.name = make('span', { className: 'name', title: path }, file.name);
    this.element = make('li', {}, this.name, this.button, this.bar, this.state);
    this.where = where;
  }

  show() {
    build();
    counts.files += 1;
    counts.open += 1;
    tray.hidden = false;
    tray.querySelector('ul').append(this.element);
    sum();
  }

  progress(event) {
    const seconds = (Date.now() - this.began) / 1000;
    const left = event.loaded ? (seconds / event.loaded) * (event.total - event.loaded) : 0;
    this.bar.max = event.total;
    this.bar.value = event.loaded;
    this.state.textContent = event.loaded < event.total
      ? `${size(event.loaded)} of ${size(event.total)}${seconds > 1 ? `, ${Math.ceil(left)} s left` : ''}`
      : 'arrived, being checked …';
  }

  done(artifact) {
    this.over('kept');
    const id = parseInt(artifact.id, 10);
    const held = artifact.quarantined; // shown nowhere until somebody accepts it
    this.name.replaceChildren(held ? artifact.title : make('a', { href: `/artifacts/${parseInt(artifact.id, 10)}` }, artifact.title));
    const noticed = artifact.current_version.warnings;
    const more = noticed.length > 1 ? ` ${noticed.length - 1} more on its page.` : '';
    this.state.textContent = (held ? 'kept in quarantine' : this.where ? `kept, linked to ${this.where}` : 'kept')
      + (noticed.length ? `. ${noticed[0]}${more}` : '');
    this.finish('Hide');
    if (!this.where && !held) { unlinked = true; sum(); this.suggest(id, artifact.version); }
    // What went well makes room by itself; what went wrong or was noticed stays until somebody has seen it.
    if (noticed.length) return;
    setTimeout(() => {
      if (!this.element.matches(':hover, :focus-within') && !this.element.querySelector('.suggested')) this.button.click();
    }, SHOWN_MS);
  }

  /** What the name, the folders and the words of the file say that it is evidence for; a click links it. */
  async suggest(id) {
    const answer = await send(`/api/v1/artifacts/${id}/suggestions`, { headers: { Accept: 'application/json' } }).catch(() => null);
    const found = answer?.ok ? (await answer.json()).items : [];
    if (!found.length || !this.element.isConnected) return;
    const list = make('div', { className: 'suggested' });
    for (const one of found.slice(0, MOST_SUGGESTED)) list.append(suggestion(id, one));
    this.element.append(list);
  }

  failed(message, again) {
    this.over('failed');
    this.state.textContent = message;
    this.state.className = 'error';
    if (counts.files > 1) this.element.parentElement?.prepend(this.element); // what needs a person stands first
    this.finish(again ? 'Try again' : 'Hide', again && (() => { counts.files -= 1; counts.failed -= 1; again(); }));
  }

  cancelled() {
    this.over('cancelled');
    this.element.remove();
    if (!tray.querySelector('li') && !counts.open && !many()) empty();
  }

  over(what) {
    counts.open -= 1;
    counts[what] += 1;
    this.bar.remove();
    sum();
  }

  finish(label, action) {
    this.button.textContent = label;
    this.button.onclick = () => {
      this.element.remove();
      if (action) action();
      if (!tray.querySelector('li') && !counts.open && !many()) empty();
    };
  }
}

/** One objective with a button that links it, and then takes the link away again. */
function suggestion(id, one) {
  const state = make('span', { className: 'quiet small' }, one.reason);
  const button = make('button', { type: 'button', className: 'small' });
  let linked = false;
  const label = () => {
    button.replaceChildren(linked ? 'Undo' : `Link ${one.objective}`);
    if (linked) button.append(make('span', { className: 'visually-hidden' }, ` the link to ${one.objective}`));
    button.classList.toggle('link', linked);
    state.textContent = linked ? `linked to ${one.objective}` : one.reason;
  };
  button.addEventListener('click', async () => {
    button.disabled = true;
    const address = `/api/v1/artifacts/${id}/objectives/${encodeURIComponent(one.objective)}?system=${encodeURIComponent(one.system)}`;
    const body = linked ? {} : { body: '{}', headers: { 'Content-Type': 'application/json' } };
    const answer = await send(address, { method: linked ? 'DELETE' : 'PUT', ...body }).catch(() => null);
    button.disabled = false;
    if (answer?.status === 204) { linked = !linked; label(); } else state.textContent = 'That did not work just now. Try again, or open its page.';
    button.focus();
  });
  label();
  return make('p', {}, button, ' ', state);
}
