// Comfort for every page; each page works without it.

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
    document.cookie = `theme=${root.dataset.theme}; path=/; max-age=31536000; samesite=lax`;
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
  document.addEventListener('submit', (event) => dirty.delete(event.target));
  document.addEventListener('saved', (event) => dirty.delete(event.target));
  addEventListener('beforeunload', (event) => { if (dirty.size) event.preventDefault(); });
}

// Filters apply as they are changed; without scripts their button does it.
function filters() {
  document.addEventListener('change', (event) => {
    const form = event.target.closest('form[data-filters]');
    if (form && event.target.matches('select, input[type=checkbox]')) form.requestSubmit();
  });
}

function keys() {
  document.addEventListener('keydown', (event) => {
    if (event.target.closest('input, textarea, select') || event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key === '/') {
      const field = document.querySelector('main input[type=search], .bar input[type=search]');
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

themes();
rows();
menus();
unsaved();
filters();
keys();
