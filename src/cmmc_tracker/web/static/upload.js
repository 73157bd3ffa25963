// Uploads: several files at once, each with its own bar, its own error, its own cancel; the forms work without this.

import { make, post, reason, renew, send, signedOut, size } from './shared.js';

const AT_ONCE = 2;
const SHOWN_MS = 10_000;
const tray = document.getElementById('tray');
const waiting = [];
let running = 0;

/** One file's line in the tray. */
class Row {
  constructor(file, where) {
    this.file = file;
    this.bar = make('progress', { max: file.size || 1, value: 0 });
    this.bar.setAttribute('aria-label', `Upload of ${file.name}`);
    this.state = make('span', { className: 'quiet small' }, `waiting, ${size(file.size)}`);
    this.button = make('button', { type: 'button', className: 'link small' }, 'Cancel');
    this.name = make('span', { className: 'name' }, file.name);
    this.element = make('li', {}, this.name, this.button, this.bar, this.state);
    this.where = where;
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
    this.bar.remove();
    this.name.replaceChildren(make('a', { href: `/artifacts/${parseInt(artifact.id, 10)}` }, artifact.title));
    const noticed = artifact.current_version.warnings;
    const more = noticed.length > 1 ? ` ${noticed.length - 1} more on its page.` : '';
    this.state.textContent = (this.where ? `kept, linked to ${this.where}` : 'kept')
      + (noticed.length ? `. ${noticed[0]}${more}` : '');
    this.finish('Hide');
    // What went well makes room by itself; what went wrong or was noticed stays until somebody has seen it.
    if (noticed.length) return;
    setTimeout(() => { if (!this.element.matches(':hover, :focus-within')) this.button.click(); }, SHOWN_MS);
  }

  failed(message, again) {
    this.bar.remove();
    this.state.textContent = message;
    this.state.className = 'error';
    this.finish(again ? 'Try again' : 'Hide', again);
  }

  finish(label, action) {
    this.button.textContent = label;
    this.button.onclick = () => {
      this.element.remove();
      if (action) action();
      if (!tray.querySelector('li')) tray.hidden = true;
    };
  }
}

function show(row) {
  if (!tray.querySelector('ul')) {
    tray.setAttribute('role', 'region');
    tray.setAttribute('aria-label', 'Uploads');
    tray.append(make('ul'));
  }
  tray.hidden = false;
  tray.querySelector('ul').append(row.element);
}

function title(name) {
  const stem = name.includes('.', 1) ? name.slice(0, name.lastIndexOf('.')) : name;
  return stem.replaceAll('_', ' ').trim() || name;
}

function body(form, file, several) {
  const data = new FormData();
  const given = new FormData(form);
  // The token goes before the file: the server may refuse before it takes the bytes in.
  data.append('csrf_token', given.get('csrf_token'));
  for (const [name, value] of given) {
    if (name === 'objectives') for (const one of value.split(/[\s,]+/)) { if (one) data.append(name, one); }
    else if (!['csrf_token', 'file', 'next', 'title'].includes(name) && value) data.append(name, value);
  }
  data.append('title', (!several && given.get('title')) || title(file.name));
  data.append('file', file);
  return data;
}

function start(job) {
  const { form, row, data } = job;
  const request = new XMLHttpRequest();
  running += 1;
  row.began = Date.now();
  request.open('POST', '/api/v1/artifacts');
  request.setRequestHeader('X-CSRF-Token', document.body.dataset.csrf);
  request.setRequestHeader('Accept', 'application/json');
  request.upload.onprogress = (event) => row.progress(event);
  row.button.onclick = () => request.abort();
  request.onload = () => {
    let answer = {};
    try { answer = JSON.parse(request.responseText); } catch { /* told below */ }
    if (request.status === 201) {
      row.done(answer);
      // The form may have been replaced since: the event goes to what stands in its place now.
      const place = job.anchor && document.getElementById(job.anchor);
      (place || form).dispatchEvent(new CustomEvent('uploaded', { bubbles: true, detail: answer }));
    } else {
      const message = answer.detail || 'The answer could not be read. Nothing was kept of this file.';
      const again = request.status >= 500 || [401, 403, 429].includes(request.status);
      row.failed(message, again ? () => retry(job) : undefined);
    }
  };
  request.onerror = () => row.failed('The connection was lost. Nothing was kept of this file.', () => enqueue(job));
  request.onabort = () => row.failed('Cancelled. Nothing was kept of this file.');
  request.onloadend = () => { running -= 1; next(); };
  request.send(data);
}

function next() {
  while (running < AT_ONCE && waiting.length) start(waiting.shift());
}

function enqueue(job) {
  job.row = new Row(job.file, job.where);
  job.row.button.onclick = () => { waiting.splice(waiting.indexOf(job), 1); job.row.element.remove(); };
  show(job.row);
  waiting.push(job);
  next();
}

/** Try a file again, with the token of a session that was begun since. */
async function retry(job) {
  try {
    await renew();
  } catch (error) {
    job.row = new Row(job.file, job.where);
    job.row.failed(error.message, () => retry(job));
    show(job.row);
    return;
  }
  enqueue(job);
}

/** Send files as the form would, each as an artifact of its own. */
export function upload(form, files) {
  const where = new FormData(form).get('objectives') || '';
  const anchor = form.closest('details.objective')?.id;
  for (const file of files) enqueue({ form, file, where, anchor, data: body(form, file, files.length > 1) });
}

document.addEventListener('submit', (event) => {
  const form = event.target;
  if (!form.matches('form[data-upload]')) return;
  const input = form.querySelector('input[type=file]');
  if (!input.files.length) return;
  event.preventDefault();
  upload(form, [...input.files]);
  input.value = '';
});

// Next to an objective a chosen file goes at once; on the upload page people fill in the facts first.
document.addEventListener('change', (event) => {
  const form = event.target.closest('form[data-upload]:not([data-stay])');
  if (form && event.target.type === 'file') form.requestSubmit();
});

function target(event) {
  if (![...(event.dataTransfer?.types || [])].includes('Files')) return null;
  return event.target.closest('form[data-upload]')
    || event.target.closest('details.objective[open]')?.querySelector('form[data-upload]')
    || document.querySelector('form[data-upload][data-stay]');
}

function light(form) {
  document.querySelectorAll('.drop.over').forEach((element) => element.classList.remove('over'));
  if (form) (form.matches('.drop') ? form : form.querySelector('.drop')).classList.add('over');
}

document.addEventListener('dragover', (event) => {
  const form = target(event);
  if (form) event.preventDefault();
  light(form);
});
document.addEventListener('dragleave', (event) => { if (!event.relatedTarget) light(null); });
document.addEventListener('drop', (event) => {
  const form = target(event);
  light(null);
  if (!form) return;
  event.preventDefault();
  upload(form, [...event.dataTransfer.files]);
});

addEventListener('beforeunload', (event) => { if (running || waiting.length) event.preventDefault(); });

// Linking an artifact that is here already: results appear below the field as one types.
let asked;
async function pick(form) {
  const place = form.parentElement.querySelector('.picked');
  const text = form.querySelector('input[type=search]').value;
  const address = `${form.action}?${new URLSearchParams(new FormData(form))}`;
  asked = address;
  const answer = await send(address, { headers: { 'X-Part': 'picked' } });
  if (asked !== address || !answer.ok) return;
  if (signedOut(answer)) {
    place.replaceChildren(make('p', { className: 'error' }, 'You have been signed out. Sign in in another tab first.'));
    return;
  }
  const found = new DOMParser().parseFromString(await answer.text(), 'text/html');
  place.replaceChildren(...(text || document.activeElement.form === form ? found.body.childNodes : []));
}

document.addEventListener('input', (event) => {
  const form = event.target.closest('form[data-picker]');
  if (form) { clearTimeout(form.timer); form.timer = setTimeout(() => pick(form), 150); }
});
document.addEventListener('submit', async (event) => {
  const form = event.target;
  if (form.matches('form[data-picker]') && form.parentElement.querySelector('.picked')) {
    event.preventDefault();
    pick(form);
  }
  if (form.matches('form[data-link]') && form.closest('details.objective')) {
    event.preventDefault();
    try {
      const answer = await post(form);
      if (!answer.ok) throw new Error(await reason(answer));
      form.dispatchEvent(new CustomEvent('linked', { bubbles: true }));
    } catch (error) {
      form.parentElement.querySelector('.error')?.remove();
      form.after(make('p', { className: 'error', role: 'alert' }, error.message));
    }
  }
});

for (const hint of document.querySelectorAll('[data-script-only]')) hint.hidden = false;
