// A screenshot from the clipboard becomes evidence of the open objective, or of what the upload page says.

const ENDINGS = { 'image/png': 'png', 'image/jpeg': 'jpg', 'image/webp': 'webp', 'image/gif': 'gif' };

function form(event) {
  const near = event.target.closest?.('details.objective[open]') || document.querySelector('details.objective[open]');
  return near?.querySelector('form[data-upload]') || document.querySelector('form[data-upload][data-stay]');
}

/** The picture of a paste, unless it is words that were pasted into a field. */
function picture(event) {
  const data = event.clipboardData;
  const found = [...(data?.files || [])].find((file) => ENDINGS[file.type]);
  const field = event.target.closest?.('input:not([type=checkbox], [type=radio], [type=file]), textarea, [contenteditable]');
  return found && !(field && [...data.types].some((type) => type.startsWith('text/'))) ? found : null;
}

const two = (number) => String(number).padStart(2, '0');
const day = (when) => `${when.getFullYear()}-${two(when.getMonth() + 1)}-${two(when.getDate())}`;

/** What is known of a screenshot: its name, when it was taken, and on which page it was pasted. */
function facts(target, when) {
  const objective = target.querySelector('input[type=hidden][name=objectives]')?.value || '';
  const name = `Screenshot ${day(when)} ${two(when.getHours())}.${two(when.getMinutes())}${objective ? ` ${objective}` : ''}`;
  const page = objective ? `the page of ${objective.replace('[', ' [')}` : `the page “${document.querySelector('h1').textContent.trim()}”`;
  // The server counts days in UTC and takes none that has not begun there.
  const utc = when.toISOString().slice(0, 10);
  return { name, collected_on: day(when) < utc ? day(when) : utc, kind: 'screenshot', description: `Pasted on ${page}.` };
}

/** Call `take(form, file, facts)` for each picture that is pasted where files are taken. */
export function watchPaste(take) {
  document.addEventListener('paste', (event) => {
    const found = picture(event);
    const target = found && form(event);
    if (!target) return;
    event.preventDefault();
    const known = facts(target, new Date());
    take(target, new File([found], `${known.name}.${ENDINGS[found.type]}`, { type: found.type }), known);
  });
}
