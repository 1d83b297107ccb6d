// What the pages do beyond what HTML does by itself: times in the reader's zone, copying, what is left of a
// lifetime, and what changes while somebody looks. Without it the pages work, but for copying and for that.
// @ts-check

const tickMs = 1_000
const copiedMs = 2_000
const firstWaitMs = 1_000
const longestWaitMs = 30_000

// Times

const wholeTime = new Intl.DateTimeFormat(undefined, { dateStyle: 'medium', timeStyle: 'medium' })

/** @param {ParentNode} root */
function localiseTimes(root) {
  for (const one of root.querySelectorAll('time[datetime]')) {
    const iso = one.getAttribute('datetime') ?? ''
    if (one.getAttribute('data-shown') === iso) continue
    const at = new Date(iso)
    if (Number.isNaN(at.getTime())) continue
    one.textContent = wholeTime.format(at)
    one.setAttribute('title', iso)
    one.setAttribute('data-shown', iso)
  }
}

// What is left: counted by our own clock, from what the server said, since the clocks need not agree.

/** @type {WeakMap<Element, { said: string, endsAt: number }>} */
const endings = new WeakMap()

function countDown() {
  for (const one of document.querySelectorAll('[data-remaining-ms]')) {
    const said = one.getAttribute('data-remaining-ms') ?? ''
    let ending = endings.get(one)
    if (ending?.said !== said) {
      ending = { said, endsAt: Date.now() + Number(said) }
      endings.set(one, ending)
    }
    const leftMs = ending.endsAt - Date.now()
    const text = leftMs > 0 ? duration(leftMs) : (one.getAttribute('data-over') ?? 'over')
    if (one.textContent !== text) one.textContent = text
    if (leftMs <= 0) one.closest('[data-ends]')?.classList.add('is-expired')
  }
}

/** @param {number} ms */
function duration(ms) {
  const seconds = Math.max(0, Math.floor(ms / 1_000))
  const [hours, minutes] = [Math.floor(seconds / 3_600), Math.floor(seconds / 60) % 60]
  if (hours > 0) return `${count(hours, 'hour')} ${count(minutes, 'minute')}`
  if (minutes > 0) return `${count(minutes, 'minute')} ${count(seconds % 60, 'second')}`
  return count(seconds, 'second')
}

/** @param {number} number @param {string} what */
function count(number, what) {
  return `${number} ${what}${number === 1 ? '' : 's'}`
}

// Copying

/** @param {Element} button */
async function copy(button) {
  const target = document.getElementById(button.getAttribute('data-copy') ?? '')
  if (target === null) return
  try {
    await navigator.clipboard.writeText(target.textContent ?? '')
    say(button, 'Copied')
  } catch {
    const selection = getSelection()
    selection?.removeAllRanges()
    const range = document.createRange()
    range.selectNodeContents(target)
    selection?.addRange(range)
    say(button, 'Selected: copy it with the keyboard')
  }
}

/** @param {Element} button @param {string} text */
function say(button, text) {
  const label = button.getAttribute('data-label') ?? button.textContent ?? ''
  button.setAttribute('data-label', label)
  button.textContent = text
  const status = document.getElementById('page-status')
  if (status !== null) status.textContent = text
  setTimeout(() => {
    button.textContent = label
    if (status !== null) status.textContent = ''
  }, copiedMs)
}

// What is live. The server renders, and escapes; here elements are made to look like what it sent, without
// touching what stayed the same: focus, selection and scrolling stay where they are.

/** @param {Node} from @param {Node} to */
function morph(from, to) {
  if (from.nodeName !== to.nodeName) {
    from.parentNode?.replaceChild(to, from)
    return
  }
  if (!(from instanceof Element) || !(to instanceof Element)) {
    if (from.nodeValue !== to.nodeValue) from.nodeValue = to.nodeValue
    return
  }
  const datetime = from.getAttribute('datetime')
  if (datetime !== null && datetime === to.getAttribute('datetime')) return
  morphAttributes(from, to)
  if (from.hasAttribute('data-remaining-ms')) return
  morphChildren(from, to)
}

/** What the reader opened stays open. */
const readersOwn = new Set(['open'])

/** @param {Element} from @param {Element} to */
function morphAttributes(from, to) {
  for (const { name } of [...from.attributes]) {
    if (!to.hasAttribute(name) && !readersOwn.has(name)) from.removeAttribute(name)
  }
  for (const { name, value } of to.attributes) {
    if (readersOwn.has(name) || from.getAttribute(name) === value) continue
    from.setAttribute(name, value)
  }
}

/** @param {Element} from @param {Element} to */
function morphChildren(from, to) {
  const wanted = [...to.childNodes]
  const stay = new Set(wanted.map(keyOf).filter((key) => key !== ''))
  /** @type {Map<string, Node>} */
  const known = new Map()
  for (const child of [...from.childNodes]) {
    const key = keyOf(child)
    if (key === '') continue
    if (stay.has(key)) known.set(key, child)
    else child.remove()
  }
  let next = from.firstChild
  for (const one of wanted) {
    const key = keyOf(one)
    const here = key === '' ? likeIt(next, one) : known.get(key)
    if (here === undefined) {
      from.insertBefore(one, next)
      continue
    }
    if (here === next) next = next.nextSibling
    else from.insertBefore(here, next)
    morph(here, one)
  }
  while (next !== null) {
    const after = next.nextSibling
    next.remove()
    next = after
  }
}

/** @param {ChildNode | null} node @param {Node} one */
function likeIt(node, one) {
  return node !== null && keyOf(node) === '' && node.nodeName === one.nodeName ? node : undefined
}

/** @param {Node} node */
function keyOf(node) {
  return node instanceof Element ? node.id || (node.getAttribute('data-key') ?? '') : ''
}

/** @param {string} id @param {string} html */
function replace(id, html) {
  const target = document.getElementById(id)
  const template = document.createElement('template')
  template.innerHTML = html
  const [next] = template.content.children
  if (target === null || next === undefined || next.id !== id) return
  const focused = document.activeElement
  const block = target.closest('[data-live]')
  morph(target, next)
  localiseTimes(block ?? document)
  countDown()
  if (focused === null || focused === document.body || focused === document.activeElement) return
  const heir = focused.isConnected ? focused : block
  if (heir instanceof HTMLElement) heir.focus({ preventScroll: true })
}

/** @param {Element} block */
function follow(block) {
  const state = block.querySelector('[data-live-state]')
  let waitMs = firstWaitMs
  /** @type {EventSource | undefined} */
  let source
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let timer

  /** @param {string} text @param {boolean} isCut */
  function show(text, isCut) {
    if (state === null) return
    if (state.textContent !== text) state.textContent = text
    state.classList.toggle('cut', isCut)
  }

  function open() {
    close()
    const opened = new EventSource(block.getAttribute('data-live') ?? '')
    source = opened
    const heard = new Set()
    const listen = () => {
      for (const { id } of [block, ...block.querySelectorAll('[id]')]) {
        if (id === '' || heard.has(id)) continue
        heard.add(id)
        opened.addEventListener(id, ({ data }) => {
          replace(id, data)
          listen()
        })
      }
    }
    listen()
    opened.addEventListener('open', () => {
      waitMs = firstWaitMs
      show('Live', false)
    })
    opened.addEventListener('error', () => {
      if (source !== opened) return
      close()
      show('Not live: what you see may be old. Trying again.', true)
      // Not all who lost a server come back to it at once.
      timer = setTimeout(open, waitMs * (0.5 + Math.random()))
      waitMs = Math.min(waitMs * 2, longestWaitMs)
    })
  }

  function close() {
    clearTimeout(timer)
    source?.close()
    source = undefined
  }

  // A browser has few connections to one server: what nobody looks at must not take one.
  document.addEventListener('visibilitychange', () => {
    if (document.visibilityState === 'visible') open()
    else close()
  })
  addEventListener('pagehide', close)
  addEventListener('pageshow', ({ persisted }) => {
    if (persisted) open()
  })
  if (document.visibilityState === 'visible') open()
}

document.documentElement.classList.add('scripted')
localiseTimes(document)
countDown()
setInterval(countDown, tickMs)
document.addEventListener('click', ({ target }) => {
  const button = target instanceof Element ? target.closest('button[data-copy]') : null
  if (button !== null) void copy(button)
})
for (const block of document.querySelectorAll('[data-live]')) follow(block)
