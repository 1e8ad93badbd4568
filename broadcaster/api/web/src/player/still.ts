// A still of a live stream: joins its smallest rendition for one picture.
import { WhepSession } from './whep'

const patience = 4_000

/** Draws the stream's newest picture onto the canvas. It resolves to whether that worked. */
export async function drawStill(id: string, rendition: string, canvas: HTMLCanvasElement): Promise<boolean> {
  const session = new WhepSession()
  const video = document.createElement('video')
  video.muted = true
  try {
    const shown = new Promise<boolean>((resolve) => {
      window.setTimeout(() => resolve(false), patience)
      session.onLost = () => resolve(false)
      session.onTrack = (track) => {
        if (track.kind !== 'video') return
        video.srcObject = new MediaStream([track])
        video.requestVideoFrameCallback(() => resolve(true))
        video.play().catch(() => resolve(false))
      }
    })
    await session.connect(`/whep/${encodeURIComponent(id)}?rendition=${encodeURIComponent(rendition)}`)
    if (!(await shown)) return false
    canvas.width = video.videoWidth
    canvas.height = video.videoHeight
    canvas.getContext('2d')?.drawImage(video, 0, 0)
    return true
  } catch {
    return false
  } finally {
    session.close()
    video.srcObject = null
  }
}
