// Comfort for every page; each page works without it.

import { make, renew } from './shared.js';

function themes() {
  const button = document.querySelector('[data-theme-toggle]');
  if (!button) return;
  button.hidden = false;
  button.addEventListener('click', () => {
    const root = document.documentElement;
    const dark = root.dataset.theme
      ? root.dataset.theme === 'dark'
      : matchMedia('(prefers-color-scheme: dark)').matches;
    root.dataset.theme = dark ? 'light' : 'dark';
    const [name, secure] = location.protocol === 'https:' ? ['__Host-theme', '; secure'] : ['theme', ''];
    document.cookie = `${name}=${root.dataset.theme}; path=/; max-age=31536000; samesite=lax${secure}`;
  });
}

// A whole row is a target, its link stays the real one.
function rows() {
  document.addEventListener('click', (event) => {
    const row = event.target.closest('tr[data-href]');
    if (!row || event.target.closest('a, button, input, select, label, summary') || getSelection().toString()) return;
    if (event.ctrlKey || event.metaKey) window.open(row.dataset.href);
    else location.href = row.dataset.href;
  });
}

function menus() {
  document.addEventListener('click', (event) => {
    for (const menu of document.querySelectorAll('details.menu[open]')) {
      if (!menu.contains(event.target)) menu.open = false;
    }
  });
  document.addEventListener('keydown', (event) => {
    if (event.key === 'Escape') {
      for (const menu of document.querySelectorAll('details.menu[open]')) {
        menu.open = false;
        menu.querySelector('summary').focus();
      }
    }
  });
}

// Leaving with unsaved text asks.
function unsaved() {
  const dirty = new Set();
  document.addEventListener('input', (event) => {
    const form = event.target.closest('form[data-guard]');
    if (form) dirty.add(form);
  });
  document.addEventListener('submit', (event) => {
    // What a script sends says itself when it was saved.
    if (!event.defaultPrevented && !event.target.matches('[data-judge]')) dirty.delete(event.target);
  });
  document.addEventListener('saved', (event) => dirty.delete(event.target));
  addEventListener('beforeunload', (event) => { if (dirty.size) event.preventDefault(); });
}

// Before words are sent away, it is asked whether the session still lives: else they would be lost at the sign-in.
function guards() {
  const asked = new Map();
  document.addEventListener('submit', async (event) => {
    const form = event.target;
    if (!form.matches('form[data-guard]:not([data-judge])') || asked.get(form) === 'sure') return;
    event.preventDefault();
    if (asked.has(form)) return;
    asked.set(form, 'asking');
    form.querySelector('.error.unsent')?.remove();
    try {
      await renew();
      asked.set(form, 'sure');
      form.requestSubmit(event.submitter);
    } catch (error) {
      const said = make('p', { className: 'error unsent', role: 'alert' }, error.message);
      const actions = form.querySelector('.actions');
      if (actions) actions.before(said); else form.append(said);
    } finally {
      asked.delete(form);
    }
  });
}

// A page that tells of a failure leads back to the form.
function back() {
  const button = document.querySelector('[data-back]');
  if (!button || history.length < 2) return;
  button.hidden = false;
  button.addEventListener('click', () => history.back());
}

// What is shown once, or is long, is copied by a button; where the browser refuses, the text is selected.
function copies() {
  for (const button of document.querySelectorAll('[data-copy]')) {
    button.hidden = false;
    button.addEventListener('click', async () => {
      const text = button.closest('section, li, dd')?.querySelector('.secret, .recovery, code');
      try {
        await navigator.clipboard.writeText(button.dataset.copy);
        button.textContent = 'Copied';
      } catch {
        if (text) getSelection().selectAllChildren(text);
        button.textContent = 'Selected: copy it now';
      }
    });
  }
}

// Filters apply as they are changed; without scripts their button does it.
function filters() {
  document.addEventListener('change', (event) => {
    const form = event.target.closest('form[data-filters]');
    if (form && event.target.matches('select, input[type=checkbox]')) form.requestSubmit();
  });
}

// Ctrl or ⌘ and K opens the search from everywhere; where the bar has no room for it, its own page.
function searching() {
  document.addEventListener('keydown', (event) => {
    if (!(event.ctrlKey || event.metaKey) || event.altKey || event.shiftKey || event.key.toLowerCase() !== 'k') return;
    const field = document.querySelector('.bar input[type=search]');
    if (!field) return;
    event.preventDefault();
    if (field.offsetParent) { field.focus(); field.select(); } else location.href = field.form.action;
  });
}

function keys() {
  document.addEventListener('keydown', (event) => {
    if (event.target.closest('input, textarea, select') || event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key === '/') {
      const field = document.querySelector('main [data-find]') || document.querySelector('main input[type=search], .bar input[type=search]');
      if (field) { field.focus(); event.preventDefault(); }
    }
    if (event.key === 'j' || event.key === 'k') move(event.key === 'j' ? 1 : -1);
  });
}

function move(step) {
  const links = [...document.querySelectorAll('a.row-link')];
  if (!links.length) return;
  const at = links.indexOf(document.activeElement);
  const next = links[Math.min(Math.max(at + step, 0), links.length - 1)];
  next.focus();
  next.scrollIntoView({ block: 'nearest' });
}

document.documentElement.classList.add('scripted'); // what needs a script is shown now
themes();
rows();
menus();
guards();
unsaved();
copies();
back();
filters();
searching();
keys();
