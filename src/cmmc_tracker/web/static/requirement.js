// One requirement: objectives are saved in place, with the keyboard too. The page works without this.

import { make, post, reason, send, signedOut } from './shared.js';

const turns = new Map();
const open = () => document.querySelector('details.objective[open]');

/** Put the server's fresh picture of an objective in place of the one on the page. */
function replace(objective, html, note) {
  const fresh = new DOMParser().parseFromString(html, 'text/html');
  const next = fresh.querySelector('details.objective');
  const headline = fresh.querySelector('[data-headline]');
  if (!next) throw new Error('Not saved: the answer could not be read. What you typed is still here.');
  const focused = document.activeElement;
  const back = objective.contains(focused) && focused.id ? focused.id : null;
  objective.querySelector('form[data-judge]').dispatchEvent(new CustomEvent('saved', { bubbles: true }));
  objective.replaceWith(next);
  if (headline) document.querySelector('[data-headline]').replaceWith(headline);
  if (note) next.querySelector('.saved').textContent = note;
  const target = (back && document.getElementById(back)) || next.querySelector('.error, .theirs') || next.querySelector('button.primary');
  if (target && back) target.focus();
}

async function judge(form) {
  if (form.matches('[data-autosave]')) return autosave(form);
  const objective = form.closest('details.objective');
  const button = form.querySelector('button[type=submit]');
  const state = form.querySelector('.saved');
  button.disabled = true;
  state.textContent = 'saving …';
  state.classList.remove('error');
  try {
    const answer = await post(form, { 'X-Part': 'objective' });
    if (!answer.ok && answer.status !== 422 && answer.status !== 412) throw new Error(await reason(answer));
    const at = new Date().toLocaleTimeString([], { hour: '2-digit', minute: '2-digit' });
    replace(objective, await answer.text(), answer.ok ? `saved ${at}` : '');
  } catch (error) {
    button.disabled = false;
    state.textContent = error.message;
    state.classList.add('error');
  }
}

// Saved while one types: the form stays as it is, only its version goes on. One save at a time; what was typed
// meanwhile is saved after it.
const saving = new WeakMap();
const contents = (form) => JSON.stringify([...new FormData(form)].filter(([name]) => name !== 'version' && name !== 'csrf_token'));

async function autosave(form) {
  clearTimeout(form.waiting);
  if (saving.has(form)) { await saving.get(form); return contents(form) === form.kept ? undefined : autosave(form); }
  const sent = contents(form);
  if (sent === form.kept) return undefined;
  const done = saveInPlace(form, sent).finally(() => saving.delete(form));
  saving.set(form, done);
  return done;
}

async function saveInPlace(form, sent) {
  const state = form.querySelector('.saved');
  const tell = (text, wrong) => { state.textContent = text; state.classList.toggle('error', wrong); };
  tell('saving …', false);
  try {
    const answer = await post(form, { 'X-Part': 'objective' });
    if (!answer.ok && answer.status !== 422 && answer.status !== 412) throw new Error(await reason(answer));
    const html = await answer.text();
    if (answer.status === 412) { replace(form.closest('details.objective'), html, ''); return; }
    const fresh = new DOMParser().parseFromString(html, 'text/html');
    if (answer.status === 422) throw new Error(`Not saved yet: ${fresh.querySelector('form[data-judge] .error')?.textContent || 'something is missing.'}`);
    form.kept = sent;
    form.querySelector('[name=version]').value = fresh.querySelector('form[data-judge] [name=version]').value;
    form.closest('details.objective').querySelector(':scope > summary').replaceWith(fresh.querySelector('details.objective > summary'));
    document.querySelector('[data-headline]').replaceWith(fresh.querySelector('[data-headline]'));
    const at = new Date().toLocaleTimeString([], { hour: '2-digit', minute: '2-digit' });
    tell(`saved ${at}`, false);
    if (contents(form) === sent) form.dispatchEvent(new CustomEvent('saved', { bubbles: true }));
  } catch (error) {
    tell(error.message, true);
  }
}

for (const form of document.querySelectorAll('form[data-autosave]')) form.kept = contents(form);
document.addEventListener('input', (event) => {
  const form = event.target.closest('form[data-autosave]');
  if (!form) return;
  clearTimeout(form.waiting);
  form.waiting = setTimeout(() => autosave(form), event.target.matches('[type=radio], [type=checkbox]') ? 0 : 900);
});
document.addEventListener('leaving', async (event) => {
  const form = document.querySelector('form[data-autosave]');
  if (form) {
    await autosave(form);
    // What could not be saved is not left behind: its reason stands beside it.
    if (contents(form) !== form.kept) { form.querySelector('textarea').focus(); return; }
  }
  event.detail();
});

/** Show an objective's evidence anew; what somebody is typing beside it stays as it is. */
async function refresh(objective) {
  const turn = (turns.get(objective.id) || 0) + 1;
  turns.set(objective.id, turn);
  const answer = await send(objective.dataset.part, { headers: { 'X-Part': 'objective' } });
  const html = await answer.text();
  const here = document.getElementById(objective.id);
  if (!answer.ok || signedOut(answer) || turns.get(objective.id) !== turn || !here) return;
  const fresh = new DOMParser().parseFromString(html, 'text/html').querySelector('details.objective');
  for (const part of [':scope > summary', ':scope > .body > .evidence']) {
    here.querySelector(part).replaceWith(fresh.querySelector(part));
  }
}

document.addEventListener('submit', async (event) => {
  const form = event.target;
  if (form.matches('form[data-judge]')) {
    event.preventDefault();
    judge(form);
  }
  if (form.matches('form[data-unlink]')) {
    event.preventDefault();
    const objective = form.closest('details.objective');
    try {
      const answer = await post(form, { 'X-Part': 'message' });
      if (!answer.ok) throw new Error(await reason(answer));
      await refresh(objective);
      say(objective.id, await answer.text());
    } catch (error) {
      form.querySelector('.error')?.remove();
      form.append(make('p', { className: 'error', role: 'alert' }, error.message));
    }
  }
});

/** Show the server's message, with its undo, above an objective's evidence. */
function say(id, html) {
  const message = new DOMParser().parseFromString(html, 'text/html').querySelector('.flash');
  const place = document.getElementById(id)?.querySelector(':scope > .body > .evidence');
  if (message && place) place.prepend(message);
}

// Files that arrived and artifacts that were linked show at once.
for (const name of ['uploaded', 'linked']) {
  document.addEventListener(name, async (event) => {
    const objective = event.target.closest?.('details.objective');
    if (!objective) return;
    await refresh(objective);
    if (name === 'linked') say(objective.id, event.detail);
  });
}

function step(by) {
  const all = [...document.querySelectorAll('details.objective')];
  if (document.querySelector('.walk')) return; // there the keys lead to other pages
  const at = all.indexOf(open());
  const next = all[Math.min(Math.max(at + by, 0), all.length - 1)];
  if (!next) return;
  for (const other of all) if (other !== next) other.open = false;
  next.open = true;
  next.querySelector('summary').focus();
  next.scrollIntoView({ block: 'nearest' });
}

function set(status) {
  const form = open()?.querySelector('form[data-judge]');
  if (!form) return;
  form.querySelector(`input[name=status][value=${status}]`).checked = true;
  if (status === 'met') judge(form);
  else form.querySelector('textarea').focus();
}

document.addEventListener('keydown', (event) => {
  const here = open();
  if ((event.ctrlKey || event.metaKey) && event.key === 's' && here) {
    const form = event.target.closest('form') || here.querySelector('form[data-judge]');
    event.preventDefault();
    form?.requestSubmit();
    return;
  }
  if (event.target.closest('input:not([type=radio], [type=checkbox]), textarea, select') || event.ctrlKey || event.metaKey || event.altKey) return;
  const actions = {
    j: () => step(1),
    k: () => step(-1),
    m: () => set('met'),
    n: () => set('not_met'),
    a: () => set('not_applicable'),
    e: () => here?.querySelector('form[data-upload] input[type=file]')?.focus(),
  };
  if (actions[event.key]) {
    event.preventDefault();
    actions[event.key]();
  }
});

// A link to an objective opens it.
function follow() {
  const target = location.hash.length > 1 && document.getElementById(location.hash.slice(1));
  if (target && target.matches('details.objective')) target.open = true;
}
addEventListener('hashchange', follow);
follow();
