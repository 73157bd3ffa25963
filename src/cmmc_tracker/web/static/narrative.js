// Texts of the security plan: a reference is found and inserted without leaving the text. The page works without this.

import { make, reason, send, signedOut } from './shared.js';

let last = null; // the text that was written in last

document.addEventListener('focusin', (event) => {
  if (event.target.matches('textarea')) last = event.target;
});

function insert(refer, written) {
  const form = refer.closest('form');
  const text = last && form.contains(last) ? last : document.getElementById(refer.dataset.refer);
  if (!text) return;
  const before = text.value[text.selectionStart - 1] || ' ';
  text.setRangeText(/\s|\(/.test(before) ? written : ` ${written}`, text.selectionStart, text.selectionEnd, 'end');
  text.dispatchEvent(new Event('input', { bubbles: true }));
  text.focus();
}

async function find(refer) {
  const place = refer.querySelector('[data-found]');
  const words = refer.querySelector('input[type=search]').value;
  try {
    const answer = await send(`${refer.dataset.address}?find=${encodeURIComponent(words)}`, { headers: { 'X-Part': 'found' } });
    if (!answer.ok) throw new Error(await reason(answer));
    if (signedOut(answer)) throw new Error('You have been signed out. What you typed is still here.');
    const found = new DOMParser().parseFromString(await answer.text(), 'text/html').body;
    place.replaceChildren(...found.childNodes);
  } catch (error) {
    place.replaceChildren(make('p', { className: 'error', textContent: error.message }));
  }
}

document.addEventListener('click', (event) => {
  const refer = event.target.closest('[data-refer]');
  if (!refer) return;
  if (event.target.matches('[data-insert]')) insert(refer, event.target.dataset.insert);
  if (event.target.matches('button[value=find]')) {
    event.preventDefault();
    find(refer);
  }
});

document.addEventListener('keydown', (event) => {
  if (event.key !== 'Enter' || !event.target.matches('[data-refer] input[type=search]')) return;
  event.preventDefault();
  find(event.target.closest('[data-refer]'));
});
