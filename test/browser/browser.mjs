// What the browser scripts share: Chromium with the flags that live video in a headless machine needs, and screenshots.
import { existsSync, mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { chromium } from 'playwright-core'

const places = [process.env.CHROMIUM, '/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome']

/** Starts Chromium. Mixed-content and certificate rules stay as they are: pages come from http://127.0.0.1. */
export async function launch() {
  const executablePath = places.find((p) => p && existsSync(p))
  if (!executablePath) throw new Error('no Chromium found: install the Debian package chromium, or name one in CHROMIUM')
  return chromium.launch({
    executablePath,
    args: [
      '--no-sandbox', '--autoplay-policy=no-user-gesture-required', '--use-fake-device-for-media-stream',
      '--use-fake-ui-for-media-stream', '--disable-features=WebRtcHideLocalIpsWithMdns', '--disable-gpu',
      '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update',
      '--disable-sync',
    ],
  })
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
export async function until(what, look, check, timeout = 10_000) {
  const end = Date.now() + timeout
  let last
  do {
    last = await look()
    if (check(last)) return last
    await new Promise((resolve) => setTimeout(resolve, 50))
  } while (Date.now() < end)
  throw new Error(`${what}: not within ${timeout} ms, but ${JSON.stringify(last)}`)
}
