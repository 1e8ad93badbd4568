// HLS through hls.js, which is loaded only when it is needed.
import type Hls from 'hls.js'
import type { HlsConfig } from 'hls.js'

import type { Rendition } from '../views'
import settings from './hls.json'

// It catches up with live by playing faster, and a stall costs it a little of its distance rather than a second for good:
// benches measure it with the same file.
const config: Partial<HlsConfig> = {
  ...settings,
  manifestLoadPolicy: {
    default: {
      maxTimeToFirstByteMs: 8000,
      maxLoadTimeMs: 10_000,
      timeoutRetry: { maxNumRetry: 4, retryDelayMs: 500, maxRetryDelayMs: 2000 },
      errorRetry: { maxNumRetry: 8, retryDelayMs: 500, maxRetryDelayMs: 2000 },
    },
  },
}

export class HlsSession {
  private hls: Hls | undefined
  private closed = false

  /** Called when it cannot go on, with the reason in words. */
  onLost: (why: string) => void = () => {}
  /** Called when the levels are known. */
  onLevels: () => void = () => {}

  async open(url: string, video: HTMLVideoElement): Promise<void> {
    const { default: HlsPlayer } = await import('hls.js')
    if (this.closed) return
    if (!HlsPlayer.isSupported()) {
      // Safari on phones plays HLS by itself, and chooses the quality by itself.
      video.src = url
      return
    }
    const hls = new HlsPlayer(config)
    this.hls = hls
    let repaired = false
    hls.on(HlsPlayer.Events.MANIFEST_PARSED, () => this.onLevels())
    hls.on(HlsPlayer.Events.ERROR, (_, error) => {
      if (!error.fatal) return
      if (error.type === HlsPlayer.ErrorTypes.MEDIA_ERROR && !repaired) {
        repaired = true
        hls.recoverMediaError()
        return
      }
      this.onLost(error.response ? `the server answered ${error.response.code}` : error.details)
    })
    hls.attachMedia(video)
    hls.loadSource(url)
  }

  /** The names of the renditions that can be chosen, largest first. */
  names(renditions: Rendition[]): string[] {
    return renditions.map((r) => r.name).filter((name) => this.level(name, renditions) >= 0)
  }

  /** Plays one rendition, or lets hls.js choose. The picture changes at the next part, without a gap. */
  choose(name: string, renditions: Rendition[]): void {
    if (this.hls) this.hls.nextLevel = name === 'auto' ? -1 : this.level(name, renditions)
  }

  /** The name of the rendition that plays, empty where that is unknown. */
  playing(renditions: Rendition[]): string {
    const level = this.hls?.currentLevel ?? -1
    return level < 0 ? '' : (renditions.find((r) => this.level(r.name, renditions) === level)?.name ?? '')
  }

  /** Seconds behind the time in the playlist, null where it has none. */
  latency(serverNow: number): number | null {
    const at = this.hls?.playingDate
    return at ? (serverNow - at.getTime()) / 1000 : null
  }

  close(): void {
    this.closed = true
    this.hls?.destroy()
  }

  /** Levels are named by a part of their URL; where they are not, by their size. */
  private level(name: string, renditions: Rendition[]): number {
    const levels = this.hls?.levels ?? []
    const byURL = levels.findIndex((l) => l.url.some((u) => new URL(u).pathname.split(/[/.]/).includes(name)))
    if (byURL >= 0) return byURL
    const r = renditions.find((r) => r.name === name)
    return levels.findIndex((l) => l.attrs.NAME === name || (r !== undefined && l.width === r.width && l.height === r.height))
  }
}
