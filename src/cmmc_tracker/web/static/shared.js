// What the modules share; it does nothing by itself, so it may be imported by all of them.

const body = document.body;
const KEPT = 'What you typed is still here.';
const AWAY = `Not saved: the server cannot be reached. ${KEPT} Try again in a moment.`;

/** Fetch within the site, with the session's CSRF token. */
export function send(url, options = {}) {
  const headers = { 'X-CSRF-Token': body.dataset.csrf, ...(options.headers || {}) };
  return fetch(url, { credentials: 'same-origin', ...options, headers });
}

async function reach(url, options) {
  try {
    return await send(url, options);
  } catch {
    throw new Error(AWAY);
  }
}

/**
 * Return when this page may still be sent: somebody is signed in, and it is who opened the page. The token of a
 * session that was begun since is taken up. Else throw the sentence for the person; the page stays as it is.
 */
export async function renew() {
  const answer = await reach(body.dataset.self, { cache: 'no-store' });
  const now = new DOMParser().parseFromString(await answer.text(), 'text/html').body.dataset;
  if (answer.ok && !now.csrf) {
    throw new Error(`Not saved: you have been signed out. ${KEPT} Sign in in another tab, then save here again.`);
  }
  if (!answer.ok) throw new Error(`Not saved: the server cannot answer just now. ${KEPT} Try again in a moment.`);
  if (parseInt(now.actor, 10) !== parseInt(body.dataset.actor, 10)) {
    throw new Error(`Not saved: somebody else is signed in here now. ${KEPT} Copy it before you reload the page.`);
  }
  body.dataset.csrf = now.csrf;
  for (const field of document.querySelectorAll('input[name=csrf_token]')) field.value = now.csrf;
}

/** Whether an answer is the sign-in page instead of what was asked for. */
export function signedOut(answer) {
  return new URL(answer.url).pathname.startsWith('/login');
}

/**
 * Send a form, with the button that was pressed. A session that ended, or was begun anew, is noticed first, so that no
 * word gets lost on the way.
 */
export async function post(form, headers = {}, button = null) {
  const given = { method: 'POST', headers };
  const filled = () => {
    const data = new FormData(form);
    if (button?.name) data.append(button.name, button.value);
    return data;
  };
  let answer = await reach(form.action, { ...given, body: filled() });
  if (answer.status === 403 || signedOut(answer)) {
    await renew();
    answer = await reach(form.action, { ...given, body: filled() });
  }
  return answer;
}

/** The sentence of a page that tells of a failure. */
export async function reason(answer) {
  const page = new DOMParser().parseFromString(await answer.text(), 'text/html');
  const said = page.querySelector('main h1 + p')?.textContent || 'The answer could not be read.';
  return `Not saved: ${said} ${KEPT}`;
}

/** Make an element: tag, properties, children. Text is always text, never markup. */
export function make(tag, properties = {}, ...children) {
  const element = Object.assign(document.createElement(tag), properties);
  element.append(...children);
  return element;
}

/** A number of bytes as people read it. */
export function size(bytes) {
  if (bytes < 1000) return bytes === 1 ? '1 byte' : `${bytes} bytes`;
  const units = ['KB', 'MB', 'GB'];
  let value = bytes;
  let unit = -1;
  do { value /= 1000; unit += 1; } while (value >= 999.95 && unit < units.length - 1);
  return `${value < 99.95 ? value.toFixed(1) : Math.round(value)} ${units[unit]}`;
}
