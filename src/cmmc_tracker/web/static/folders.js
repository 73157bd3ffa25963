// Whole folders: the files in them with their paths, without what a computer put there by itself.

const SYSTEM_FILES = ['thumbs.db', 'ehthumbs.db', 'desktop.ini'];
const SHORTCUT = /\.(lnk|url|webloc|desktop)$/i;
export const UNREADABLE = 'It cannot be read: it may be a link or a shortcut to something that is not there, have been moved, or not be yours to open. Nothing was sent of it.';
const A_SHORTCUT = 'A shortcut, not the file itself: choose the file that it leads to. Nothing was sent of it.';

/** Whether a file of a folder is hidden, or one that the computer made for itself: as `domain/filing.py` has it. */
export function isSystemFile(path) {
  const parts = path.split('/');
  return parts.some((part) => part.startsWith('.') || part.startsWith('~$')) || SYSTEM_FILES.includes(parts.at(-1).toLowerCase());
}

function entryAsItem(file, path) {
  return { file, path, problem: SHORTCUT.test(file.name) ? A_SHORTCUT : '' };
}

/** What was chosen by an input, files or a folder: {items, skipped}. */
export function ofInput(files) {
  const items = [];
  const skipped = [];
  for (const file of files) {
    const path = file.webkitRelativePath || '';
    if (path && isSystemFile(path)) skipped.push(file.name);
    else items.push(path ? entryAsItem(file, path) : { file, path: '', problem: '' });
  }
  return { items, skipped };
}

/** Begin to read what was dropped; it must be asked for before the event is over. Gives a promise of {items, skipped}. */
export function ofDrop(transfer) {
  const entries = [...(transfer.items || [])].filter((one) => one.kind === 'file').map((one) => one.webkitGetAsEntry?.());
  if (!entries.some((entry) => entry?.isDirectory)) return Promise.resolve(ofInput(transfer.files));
  return walked(entries.filter(Boolean));
}

async function walked(entries) {
  const found = { items: [], skipped: [] };
  const left = entries.map((entry) => [entry, '']);
  while (left.length) {
    const [entry, folder] = left.shift();
    const path = folder ? `${folder}/${entry.name}` : entry.name;
    if (folder && isSystemFile(path)) { found.skipped.push(entry.name); continue; }
    try {
      if (entry.isDirectory) left.push(...(await children(entry)).map((one) => [one, path]));
      else found.items.push(entryAsItem(await opened(entry), path.includes('/') ? path : ''));
    } catch {
      found.items.push({ file: new File([], entry.name), path, problem: UNREADABLE });
    }
  }
  return found;
}

function opened(entry) {
  return new Promise((done, failed) => { entry.file(done, failed); });
}

/** A folder hands out its entries a hundred at a time, until it hands out none. */
async function children(folder) {
  const reader = folder.createReader();
  const all = [];
  for (;;) {
    const some = await new Promise((done, failed) => { reader.readEntries(done, failed); });
    if (!some.length) return all;
    all.push(...some);
  }
}

/** Whether the browser can read a file now: one that was a link, or was moved since, it cannot. */
export async function readable(file) {
  try {
    // Its beginning: reading a slice of it would not notice that the file is gone.
    const reader = file.stream().getReader();
    await reader.read();
    await reader.cancel();
    return true;
  } catch {
    return false;
  }
}
