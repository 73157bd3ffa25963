// Uploads: several files at once, each with its own bar, its own error, its own cancel; the forms work without this.

import { hints } from './cui.js';
import { ofDrop, ofInput, readable, UNREADABLE } from './folders.js';
import { watchPaste } from './paste.js';
import { make, post, reason, renew, send, signedOut } from './shared.js';
import { ask, leftOut, Row } from './tray.js';

const AT_ONCE = 2;
const ASKED_FROM = 2_000; // files at once
const tray = document.getElementById('tray');
const waiting = [];
const requests = new Set();
let running = 0;

function title(name) {
  const stem = name.includes('.', 1) ? name.slice(0, name.lastIndexOf('.')) : name;
  return stem.replaceAll('_', ' ').trim() || name;
}

/** What is sent of a file, made when its turn comes; `given` is what the form said when it was chosen. */
function body(given, { file, path, facts = {} }, several) {
  const data = new FormData();
  // The token goes before the file: the server may refuse before it takes the bytes in.
  data.append('csrf_token', document.body.dataset.csrf);
  const own = { ...facts, description: [given.get('description'), facts.description].filter(Boolean).join('\n\n') };
  for (const [name, value] of given) {
    if (name === 'objectives') for (const one of value.split(/[\s,]+/)) { if (one) data.append(name, one); }
    else if (!['csrf_token', 'file', 'next', 'title', 'name', 'together', 'path'].includes(name) && !(name in own) && value) data.append(name, value);
  }
  for (const [name, value] of Object.entries(own)) if (name !== 'name' && value) data.append(name, value);
  if (path) data.append('path', path);
  data.append('title', (!several && given.get('title')) || title(file.name));
  data.append('file', file);
  return data;
}

async function start(job) {
  const { form, row } = job;
  running += 1;
  row.began = Date.now();
  if (job.problem || !(await readable(job.file))) {
    running -= 1;
    row.failed(job.problem || UNREADABLE, job.problem ? undefined : () => enqueue(job));
    next();
    return;
  }
  const request = new XMLHttpRequest();
  requests.add(request);
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
  request.onabort = () => row.failed('Cancelled. Nothing was kept of this file.', () => enqueue(job));
  request.onloadend = () => { requests.delete(request); running -= 1; next(); };
  request.send(body(job.given, job, job.several));
}

function next() {
  while (running < AT_ONCE && waiting.length) start(waiting.shift());
}

function enqueue(job) {
  job.row = new Row(job.file, job.where, job.path);
  job.row.button.onclick = () => { waiting.splice(waiting.indexOf(job), 1); job.row.cancelled(); };
  job.row.show();
  waiting.push(job);
  next();
}

tray.addEventListener('cancelall', () => {
  for (const job of waiting.splice(0)) job.row.cancelled();
  for (const request of [...requests]) request.abort();
});

/** Try a file again, with the token of a session that was begun since. */
async function retry(job) {
  try {
    await renew();
  } catch (error) {
    job.row = new Row(job.file, job.where, job.path);
    job.row.show();
    job.row.failed(error.message, () => retry(job));
    return;
  }
  enqueue(job);
}

/** Send files as the form would, each as an artifact of its own; some only when somebody says so. */
export function upload(form, { items, skipped }, told = false) {
  leftOut(skipped);
  const given = new FormData(form); // once: reading a form for each of thousands of files would stop the page
  const where = given.get('objectives') || '';
  const anchor = form.closest('details.objective')?.id;
  const send = (chosen) => {
    for (const item of chosen) enqueue({ form, ...item, given, where, anchor, several: items.length > 1 });
  };
  const hinted = told ? [] : items.filter((item) => hints(form, item.file.name));
  const rest = items.filter((item) => !hinted.includes(item));
  if (hinted.length) {
    const names = hinted.slice(0, 3).map((item) => item.file.name).join(', ') + (hinted.length > 3 ? ` and ${hinted.length - 3} more` : '');
    const question = `By its name this may hold controlled information, which may not be stored here: ${names}.`;
    ask(question, hinted.length > 1 ? 'They hold none: send them' : 'It holds none: send it', () => send(hinted));
  }
  if (rest.length <= ASKED_FROM) send(rest);
  else ask(`These are ${rest.length.toLocaleString('en')} files. Each becomes an artifact of its own.`, 'Upload them all', () => send(rest));
}

/** Several files as one artifact are one request. What is refused is told here, where they are still chosen. */
async function together(form, button) {
  const label = button?.textContent;
  if (button) { button.disabled = true; button.textContent = 'Uploading …'; }
  running += 1;
  document.querySelector('main > .error-summary')?.remove();
  let told;
  try {
    const answer = await post(form, { 'X-Part': 'address' });
    if (answer.ok) {
      running -= 1;
      location.assign(new URL(await answer.text(), location.origin));
      return;
    }
    const page = new DOMParser().parseFromString(await answer.text(), 'text/html');
    told = page.querySelector('main .error-summary') || make('div', { className: 'error-summary' }, make('p', {}, page.querySelector('main h1 + p')?.textContent || 'The answer could not be read. Nothing was kept.'));
  } catch (error) {
    told = make('div', { className: 'error-summary' }, make('p', {}, error.message));
  }
  running -= 1;
  if (button) { button.disabled = false; button.textContent = label; }
  told.append(make('p', {}, 'Your files are still chosen.'));
  told.setAttribute('role', 'alert');
  form.before(told);
  told.scrollIntoView({ block: 'center' });
}

document.addEventListener('submit', (event) => {
  const form = event.target;
  if (!form.matches('form[data-upload]')) return;
  const inputs = [...form.querySelectorAll('input[type=file]')];
  const files = inputs.flatMap((input) => [...input.files]);
  if (!files.length) return;
  event.preventDefault();
  if (form.querySelector('[name=together]')?.checked) { together(form, event.submitter); return; }
  upload(form, ofInput(files), form.matches('[data-stay]'));
  form.querySelector('.hinted')?.remove();
  for (const input of inputs) input.value = '';
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
document.addEventListener('drop', async (event) => {
  const form = target(event);
  light(null);
  if (!form) return;
  event.preventDefault();
  if (form.querySelector('[name=together]')?.checked) {
    form.querySelector('input[type=file]').files = event.dataTransfer.files;
    form.requestSubmit();
    return;
  }
  upload(form, await ofDrop(event.dataTransfer));
});

watchPaste((form, file, facts) => upload(form, { items: [{ file, path: '', facts }], skipped: [] }));

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
  const ticked = [...place.querySelectorAll('input[name=artifact]:checked')].map((box) => box.closest('li'));
  place.replaceChildren(...(text || document.activeElement.form === form ? found.body.childNodes : []));
  // What was ticked stays, whatever is searched for next.
  const list = place.querySelector('ul');
  for (const line of ticked.reverse()) {
    const value = line.querySelector('input').value;
    list?.querySelector(`input[name=artifact][value="${CSS.escape(value)}"]`)?.closest('li').remove();
    list?.prepend(line);
  }
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
      const answer = await post(form, { 'X-Part': 'message' }, event.submitter);
      if (!answer.ok) throw new Error(await reason(answer));
      form.dispatchEvent(new CustomEvent('linked', { bubbles: true, detail: await answer.text() }));
    } catch (error) {
      form.parentElement.querySelector('.error')?.remove();
      form.after(make('p', { className: 'error', role: 'alert' }, error.message));
    }
  }
});

// Arrows go from the field into what was found and back, as in the choice of objectives; Enter links what is ticked.
document.addEventListener('keydown', (event) => {
  const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
  const field = event.target.closest('form[data-picker] input[type=search]');
  const tick = event.target.closest('.picked input[type=checkbox]');
  if (!step || !(field || tick) || (field && step < 0)) return;
  const place = tick ? tick.closest('.picked') : field.form.parentElement.querySelector('.picked');
  const all = [...(place || document).querySelectorAll('input[name=artifact]')];
  const to = all.indexOf(tick) + step;
  event.preventDefault();
  if (to < 0) place.parentElement.querySelector('form[data-picker] input[type=search]').focus();
  else all[Math.min(to, all.length - 1)]?.focus();
});
