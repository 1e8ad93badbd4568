package whip_test

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"castnet/ingest/ingesttest"
	"castnet/internal/media"
)

// page publishes Chromium's test picture and sound with a codec, until it is told to stop.
const page = `<!doctype html><script>
const codec = location.hash.slice(1);
(async () => {
  const stream = await navigator.mediaDevices.getUserMedia({video: {width: 640, height: 360, frameRate: 30}, audio: true});
  const pc = new RTCPeerConnection();
  for (const track of stream.getTracks()) pc.addTransceiver(track, {direction: 'sendonly'});
  const all = RTCRtpSender.getCapabilities('video').codecs;
  pc.getTransceivers().find((t) => t.sender.track.kind == 'video').setCodecPreferences(
    [...all.filter((c) => c.mimeType == 'video/' + codec), ...all.filter((c) => c.mimeType == 'video/rtx')]);
  await pc.setLocalDescription();
  const answer = await fetch('/whip/demo', {method: 'POST', headers: {'Content-Type': 'application/sdp'}, body: pc.localDescription.sdp});
  if (answer.status != 201) throw new Error(answer.status + ' ' + await answer.text());
  await pc.setRemoteDescription({type: 'answer', sdp: await answer.text()});
  await fetch('/stop');
  await fetch(answer.headers.get('Location'), {method: 'DELETE'});
})().catch((e) => fetch('/failed', {method: 'POST', body: String(e)}));
</script>`

// TestBrowser publishes from Chromium in each codec: pictures come with a key frame at least every two seconds or so, and
// can be decoded, and sound comes beside them.
func TestBrowser(t *testing.T) {
	chromium, err := exec.LookPath("chromium")
	if err != nil {
		t.Fatal("no chromium in PATH: apt-get install chromium")
	}
	for _, codec := range []media.Codec{media.H264, media.VP8, media.VP9, media.AV1} {
		t.Run(codec.String(), func(t *testing.T) {
			g := ingesttest.NewGate()
			site := http.NewServeMux()
			stop, failed := make(chan struct{}), make(chan string, 1)
			site.HandleFunc("GET /{$}", func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Content-Type", "text/html")
				_, _ = w.Write([]byte(page))
			})
			site.HandleFunc("GET /stop", func(http.ResponseWriter, *http.Request) { <-stop })
			site.HandleFunc("POST /failed", func(_ http.ResponseWriter, r *http.Request) {
				var text bytes.Buffer
				_, _ = text.ReadFrom(r.Body)
				failed <- text.String()
			})
			site.Handle("/whip/", server(t, g, nil))
			front := httptest.NewServer(site)
			t.Cleanup(func() { front.CloseClientConnections(); front.Close() })
			browse(t, chromium, front.URL+"/#"+codec.String())

			var r *ingesttest.Recorder
			select {
			case r = <-g.Sinks:
			case text := <-failed:
				t.Fatal(text)
			case <-time.After(3 * time.Minute):
				t.Fatal("the browser never published")
			}
			const pictures = 75 // two and a half seconds, if the browser keeps up: one key frame was asked for
			tick := time.NewTicker(20 * time.Millisecond)
			defer tick.Stop()
			for end := time.After(3 * time.Minute); r.Count(codec) < pictures || r.Count(media.Opus) < 100; {
				select {
				case <-tick.C:
				case text := <-failed:
					t.Fatal(text)
				case <-end:
					t.Fatalf("%d pictures and %d packets of sound came", r.Count(codec), r.Count(media.Opus))
				}
			}
			close(stop)
			<-r.Closed
			check(t, r, codec)
		})
	}
}

func check(t *testing.T, r *ingesttest.Recorder, codec media.Codec) {
	t.Helper()
	if r.Reason != nil || r.Dropped != 0 {
		t.Errorf("ended with %v, %d pictures dropped", r.Reason, r.Dropped)
	}
	units := r.Units[codec]
	last := units[0]
	for i, u := range units {
		switch {
		case i > 0 && u.PTS <= units[i-1].PTS:
			t.Errorf("picture %d at %d, the one before at %d", i, u.PTS, units[i-1].PTS)
		case u.Key:
			last = u
		case u.PTS-last.PTS > 4*media.VideoClockRate:
			t.Fatalf("no key frame for %d ticks", u.PTS-last.PTS)
		}
	}
	var raw bytes.Buffer
	format := "ivf"
	switch codec {
	case media.H264:
		format = "h264"
		for _, u := range units {
			raw.Write(u.Payload)
		}
	default:
		ivf(&raw, codec, units)
	}
	file := filepath.Join(t.TempDir(), "taken."+format)
	if err := os.WriteFile(file, raw.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	ffmpeg := exec.CommandContext(t.Context(), "/usr/bin/ffmpeg", "-v", "error", "-xerror", "-err_detect", "explode", "-f", format, "-i", file,
		"-fps_mode", "passthrough", "-f", "framecrc", "-")
	out, err := ffmpeg.CombinedOutput()
	if n := bytes.Count(out, []byte("\n0,")); err != nil || n != len(units) {
		t.Errorf("%d of %d pictures can be decoded: %v\n%.500s", n, len(units), err, out)
	}
}

// ivf writes frames as the simplest container does that ffmpeg reads.
func ivf(to *bytes.Buffer, codec media.Codec, units []*media.Unit) {
	fourCC := map[media.Codec]string{media.VP8: "VP80", media.VP9: "VP90", media.AV1: "AV01"}[codec]
	fmt.Fprintf(to, "DKIF\x00\x00\x20\x00%s\x80\x02\x68\x01", fourCC)      // version 0, 32 bytes of header, 640x360
	to.Write([]byte{0x90, 0x5f, 1, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}) // 90 kHz
	for _, u := range units {
		payload := u.Payload
		if codec == media.AV1 {
			payload = append([]byte{0x12, 0}, payload...) // the demuxer splits at temporal delimiters
		}
		header := make([]byte, 12)
		for i := range 4 {
			header[i] = byte(len(payload) >> (8 * i))
		}
		for i := range 8 {
			header[4+i] = byte(u.PTS >> (8 * i))
		}
		to.Write(header)
		to.Write(payload)
	}
}

// browse opens a page until the test ends.
func browse(t *testing.T, chromium, url string) {
	t.Helper()
	browser := exec.CommandContext(context.WithoutCancel(t.Context()), chromium, "--headless=new", "--no-sandbox", "--disable-gpu", "--mute-audio",
		"--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream", "--autoplay-policy=no-user-gesture-required",
		"--disable-features=WebRtcHideLocalIpsWithMdns", "--no-first-run", "--disable-background-networking", "--user-data-dir="+t.TempDir(), url)
	browser.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	if err := browser.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = syscall.Kill(-browser.Process.Pid, syscall.SIGKILL) // it has children
		_ = browser.Wait()
	})
}
