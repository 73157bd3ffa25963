// How far a freeze is: asked of the server every two seconds; when it has ended, the page says how.

import { send } from './shared.js';

const bar = document.querySelector('progress[data-freeze]');
const done = document.querySelector('[data-done]');
const units = ['bytes', 'KB', 'MB', 'GB', 'TB'];

function size(bytes) {
  const step = bytes < 1 ? 0 : Math.min(units.length - 1, Math.floor(Math.log10(bytes) / 3));
  return `${(bytes / 1000 ** step).toFixed(step ? 1 : 0)} ${units[step]}`;
}

async function look() {
  const answer = await send(bar.dataset.freeze, { cache: 'no-store' });
  if (!answer.ok) return;
  const now = await answer.json();
  if (now.state === 'done' || now.state === 'failed') location.reload();
  bar.value = now.bytes_done;
  done.textContent = size(now.bytes_done);
}

setInterval(() => look().catch(() => {}), 2000);
