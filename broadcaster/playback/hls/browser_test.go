package hls_test

import (
	"encoding/json"
	"math"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"
)

// hlsJS is the player's library, where the pages have been built.
const hlsJS = "../../api/web/node_modules/hls.js/dist/hls.js"

// page plays the stream with hls.js and reports what it sees, four times a second.
const page = `<!doctype html><video id=v muted autoplay></video><script src=/hls.js></script><script>
const errors = [], levels = {}, v = document.getElementById('v');
const hls = new Hls({lowLatencyMode: true});
hls.on(Hls.Events.ERROR, (_, d) => errors.push((d.fatal ? 'fatal ' : '') + d.details + ' ' + (d.error ? d.error.message : '') + ' ' + (d.frag ? d.frag.relurl : '')));
hls.on(Hls.Events.FRAG_CHANGED, (_, d) => { levels[hls.levels[d.frag.level].height] = (levels[hls.levels[d.frag.level].height] || 0) + 1; });
hls.loadSource('/hls/demo/index.m3u8');
hls.attachMedia(v);
let ticks = 0, words = '';
setInterval(() => {
  if (++ticks == 12) hls.nextLevel = 0;
  if (ticks == 24) hls.nextLevel = hls.levels.length - 1;
  const q = v.getVideoPlaybackQuality();
  if (hls.subtitleTracks.length && hls.subtitleTrack < 0) hls.subtitleTrack = 0;
  for (const t of v.textTracks) if (t.kind == 'subtitles') for (const c of t.cues || []) words = words || c.text;
  fetch('/report', {method: 'POST', body: JSON.stringify({
    time: v.currentTime, paused: v.paused, ready: v.readyState, height: v.videoHeight, frames: q.totalVideoFrames, dropped: q.droppedVideoFrames,
    latency: hls.latency, audio: v.webkitAudioDecodedByteCount, levels, errors, ticks, words})});
}, 250);
</script>`

type seen struct {
	Time, Latency                                float64
	Paused                                       bool
	Ready, Height, Frames, Dropped, Audio, Ticks int
	Levels                                       map[string]int
	Errors                                       []string
	Words                                        string
}

// TestBrowser: Chromium plays the stream through hls.js from its first second on, with sound and captions as text, near
// live, and switches levels, without an error.
func TestBrowser(t *testing.T) {
	t.Parallel()
	chromium, err := exec.LookPath("chromium")
	if err != nil {
		t.Fatal("no chromium in PATH: apt-get install chromium")
	}
	if _, err := os.Stat(hlsJS); err != nil {
		t.Fatal("no hls.js: npm ci in broadcaster/api/web")
	}
	r := newRig(t, nil)
	r.load(780, 60) // far more than is needed, for a busy machine
	r.caption()
	reports := make(chan seen, 1000)
	pages := http.NewServeMux()
	pages.HandleFunc("GET /{$}", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		_, _ = w.Write([]byte(page))
	})
	pages.HandleFunc("GET /hls.js", func(w http.ResponseWriter, q *http.Request) { http.ServeFile(w, q, hlsJS) })
	pages.HandleFunc("POST /report", func(_ http.ResponseWriter, q *http.Request) {
		var s seen
		if err := json.NewDecoder(q.Body).Decode(&s); err != nil {
			t.Error(err)
		}
		reports <- s
	})
	pages.Handle("/hls/", r.server)
	front := httptest.NewServer(pages)
	t.Cleanup(func() { front.CloseClientConnections(); front.Close() })
	browser := exec.CommandContext(t.Context(), chromium, "--headless=new", "--no-sandbox", "--disable-gpu", "--mute-audio",
		"--autoplay-policy=no-user-gesture-required", "--no-first-run", "--user-data-dir="+t.TempDir(), front.URL)
	browser.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	must(t, browser.Start())
	t.Cleanup(func() {
		_ = syscall.Kill(-browser.Process.Pid, syscall.SIGKILL) // it has children
		_ = browser.Wait()
	})

	tick := time.NewTicker(time.Second / 30)
	defer tick.Stop()
	began := time.Now()
	var last seen
	closest := math.Inf(1) // to live, in seconds: a busy machine stalls now and then
	shown := func() bool {
		return last.Time >= 6 && last.Frames >= 100 && last.Audio > 0 && last.Levels["180"] > 0 && last.Levels["480"] > 0 && last.Words == "fish &amp; chips"
	}
	for end := time.After(60 * time.Second); !shown(); {
		select {
		case <-tick.C: // on a busy machine ticks are lost: the camera is not
			due := min(int(time.Since(began)*30/time.Second), len(r.clip.Units))
			r.publish(due - r.at)
		case last = <-reports:
			if last.Ready > 1 && last.Latency > 0 {
				closest = min(closest, last.Latency)
			}
		case <-end:
			t.Fatalf("not all was shown within a minute: %+v", last)
		case <-t.Context().Done():
			t.Fatal("the test ran out of time")
		}
	}
	t.Logf("%+v", last)
	if closest > 3 {
		t.Errorf("never closer to live than %.1f s", closest)
	}
	for _, e := range last.Errors { // on a busy machine it stalls, and says so
		if strings.HasPrefix(e, "fatal") {
			t.Error(e)
		}
	}
}
