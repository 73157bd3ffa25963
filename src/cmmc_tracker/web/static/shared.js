// What the modules share; it does nothing by itself, so it may be imported by all of them.

const csrf = document.body.dataset.csrf;

/** Fetch within the site, with the session's CSRF token. */
export function send(url, options = {}) {
  const headers = { 'X-CSRF-Token': csrf, ...(options.headers || {}) };
  return fetch(url, { credentials: 'same-origin', ...options, headers });
}

/** Make an element: tag, properties, children. Text is always text, never markup. */
export function make(tag, properties = {}, ...children) {
  const element = Object.assign(document.createElement(tag), properties);
  element.append(...children);
  return element;
}

/** A number of bytes as people read it. */
export function size(bytes) {
  if (bytes < 1000) return `${bytes} bytes`;
  const units = ['KB', 'MB', 'GB'];
  let value = bytes;
  let unit = -1;
  do { value /= 1000; unit += 1; } while (value >= 999.95 && unit < units.length - 1);
  return `${value < 99.95 ? value.toFixed(1) : Math.round(value)} ${units[unit]}`;
}
