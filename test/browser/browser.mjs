// What the browser scripts share: Chromium with the flags that live video in a headless machine needs, and screenshots.
import { existsSync, mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { chromium } from 'playwright-core'

const places = [process.env.CHROMIUM, '/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome']

/** How long anything may take that comes at once or not at all, in milliseconds: a busy machine is late. */
const patience = 120_000

/** Starts Chromium. Mixed-content and certificate rules stay as they are: pages come from http://127.0.0.1. */
export async function launch() {
  const executablePath = places.find((p) => p && existsSync(p))
  if (!executablePath) throw new Error('no Chromium found: install the Debian package chromium, or name one in CHROMIUM')
  const browser = await chromium.launch({
    executablePath,
    timeout: patience,
    args: [
      '--no-sandbox', '--autoplay-policy=no-user-gesture-required', '--use-fake-device-for-media-stream',
      '--use-fake-ui-for-media-stream', '--disable-features=WebRtcHideLocalIpsWithMdns', '--disable-gpu',
      '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update',
      '--disable-sync',
    ],
  })
  const newContext = browser.newContext.bind(browser)
  browser.newContext = async (options) => { // newPage's, too
    const context = await newContext(options)
    context.setDefaultTimeout(patience)
    return context
  }
  return browser
}

export const laptop = { width: 1280, height: 800 }
export const phone = { width: 390, height: 844 }

/** Takes a page's picture in both themes, as a laptop and as a phone shows it. */
export async function picture(page, folder, name, sizes = { laptop, phone }) {
  mkdirSync(folder, { recursive: true })
  const before = page.viewportSize()
  for (const [size, viewport] of Object.entries(sizes)) {
    await page.setViewportSize(viewport)
    for (const colorScheme of ['light', 'dark']) {
      await page.emulateMedia({ colorScheme })
      await page.waitForTimeout(300)
      await page.screenshot({ path: join(folder, `${name}-${size}-${colorScheme}.png`), fullPage: size === 'phone' })
    }
  }
  await page.emulateMedia({ colorScheme: 'light' })
  await page.setViewportSize(before)
}

/** Waits until look() gives something that check() accepts, and returns it; else it says what was there instead. */
export async function until(what, look, check, timeout = patience) {
  const end = Date.now() + timeout
  let last
  do {
    last = await look()
    if (check(last)) return last
    await new Promise((resolve) => setTimeout(resolve, 50))
  } while (Date.now() < end)
  throw new Error(`${what}: not within ${timeout} ms, but ${JSON.stringify(last)}`)
}

/**
 * Checks what every page owes to people who see badly or use no mouse: names for controls, contrast of 4.5 to 1 (WCAG AA) in
 * both themes, nothing that scrolls sideways on a laptop or a phone, no motion where it is not wanted.
 */
export async function audit(page, name) {
  const before = page.viewportSize()
  for (const viewport of [laptop, phone]) {
    await page.setViewportSize(viewport)
    for (const colorScheme of ['light', 'dark']) {
      await page.emulateMedia({ colorScheme, reducedMotion: 'reduce' })
      const wrong = await page.evaluate(findings)
      if (wrong.length > 0) throw new Error(`${name}, ${viewport.width} px, ${colorScheme}: ${wrong.join('; ')}`)
    }
  }
  await page.emulateMedia({ colorScheme: 'light', reducedMotion: 'no-preference' })
  await page.setViewportSize(before)
}

/** Runs in the page. */
function findings() {
  const wrong = []
  const wide = document.documentElement.scrollWidth
  if (wide > innerWidth) wrong.push(`scrolls sideways: ${wide} px`)
  for (const e of document.querySelectorAll('button, input, select, a')) {
    const name = e.getAttribute('aria-label') || e.innerText || e.title || [...(e.labels ?? [])].map((l) => l.innerText).join('')
    if (!name.trim()) wrong.push(`a ${e.tagName.toLowerCase()} has no name: ${e.outerHTML.slice(0, 80)}`)
  }
  // Colours in any notation, as numbers.
  const canvas = document.createElement('canvas').getContext('2d', { willReadFrequently: true })
  const rgba = (color) => {
    canvas.clearRect(0, 0, 1, 1)
    canvas.fillStyle = color
    canvas.fillRect(0, 0, 1, 1)
    return [...canvas.getImageData(0, 0, 1, 1).data]
  }
  const light = ([r, g, b]) => {
    const [x, y, z] = [r, g, b].map((v) => (v / 255 <= 0.04045 ? v / 255 / 12.92 : ((v / 255 + 0.055) / 1.055) ** 2.4))
    return 0.2126 * x + 0.7152 * y + 0.0722 * z
  }
  const ground = (e) => {
    for (; e; e = e.parentElement) {
      const c = rgba(getComputedStyle(e).backgroundColor)
      if (c[3] === 255) return c
    }
    return [255, 255, 255, 255]
  }
  const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT)
  while (texts.nextNode()) {
    const e = texts.currentNode.parentElement
    if (!texts.currentNode.data.trim() || !e.checkVisibility({ opacityProperty: true }) || e.closest(':disabled, option, noscript')) continue
    const [a, b] = [light(rgba(getComputedStyle(e).color)), light(ground(e))]
    const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05)
    if (ratio < 4.5) wrong.push(`"${texts.currentNode.data.trim().slice(0, 30)}" has a contrast of ${ratio.toFixed(1)}`)
  }
  for (const a of document.getAnimations()) if (a.playState === 'running') wrong.push('something moves')
  return wrong.slice(0, 8)
}
