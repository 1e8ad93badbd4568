package hls_test

import (
	"encoding/json"
	"io"
	"math"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"castnet/broadcaster/playback/internal/clip"
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
let ticks = 0, words = '', down = 0, up = 0; // when it was told to move
setInterval(() => {
  ticks++;
  if (!down && v.currentTime > 2) { hls.nextLevel = 0; down = ticks; }
  if (!up && down && levels[180]) { hls.nextLevel = hls.levels.length - 1; levels[480] = 0; up = ticks; }
  const q = v.getVideoPlaybackQuality();
  if (hls.subtitleTracks.length && hls.subtitleTrack < 0) hls.subtitleTrack = 0;
  for (const t of v.textTracks) if (t.kind == 'subtitles') for (const c of t.cues || []) words = words || c.text;
  fetch('/report', {method: 'POST', body: JSON.stringify({
    down, up, time: v.currentTime, paused: v.paused, ready: v.readyState, height: v.videoHeight, frames: q.totalVideoFrames, dropped: q.droppedVideoFrames,
    latency: hls.latency, audio: v.webkitAudioDecodedByteCount, levels, errors, ticks, words})});
}, 250);
</script>`

type seen struct {
	Time, Latency                                float64
	Paused                                       bool
	Ready, Height, Frames, Dropped, Audio, Ticks int
	Down, Up                                     int
	Levels                                       map[string]int
	Errors                                       []string
	Words                                        string
}

// browse opens a page in Chromium, beside the stream and hls.js. What the page posts to /report goes to answer, and what that
// returns back.
func (r *rig) browse(page string, answer func(report io.Reader) string) {
	r.Helper()
	chromium, err := exec.LookPath("chromium")
	if err != nil {
		r.Fatal("no chromium in PATH: apt-get install chromium")
	}
	if _, err := os.Stat(hlsJS); err != nil {
		r.Fatal("no hls.js: npm ci in broadcaster/api/web")
	}
	pages := http.NewServeMux()
	pages.HandleFunc("GET /{$}", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		_, _ = w.Write([]byte(page))
	})
	pages.HandleFunc("GET /hls.js", func(w http.ResponseWriter, q *http.Request) { http.ServeFile(w, q, hlsJS) })
	pages.HandleFunc("POST /report", func(w http.ResponseWriter, q *http.Request) { _, _ = io.WriteString(w, answer(q.Body)) })
	pages.Handle("/hls/", r.server)
	front := httptest.NewServer(pages)
	r.Cleanup(func() { front.CloseClientConnections(); front.Close() })
	browser := exec.CommandContext(r.Context(), chromium, "--headless=new", "--no-sandbox", "--disable-gpu", "--mute-audio",
		"--autoplay-policy=no-user-gesture-required", "--no-first-run", "--user-data-dir="+r.TempDir(), front.URL)
	browser.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	must(r.T, browser.Start())
	r.Cleanup(func() {
		_ = syscall.Kill(-browser.Process.Pid, syscall.SIGKILL) // it has children
		_ = browser.Wait()
	})
}

// TestBrowser: Chromium plays the stream through hls.js from its first second on, with sound and captions as text, near
// live, and switches levels, without an error.
func TestBrowser(t *testing.T) {
	t.Parallel()
	r := newRig(t, nil)
	r.loadTimes(720, 60, 6) // 144 s: more than is waited for
	r.caption()
	reports := make(chan seen, 1000)
	r.browse(page, func(report io.Reader) string {
		var s seen
		if err := json.NewDecoder(report).Decode(&s); err != nil {
			t.Error(err)
		}
		reports <- s
		return ""
	})

	tick := time.NewTicker(time.Second / 30)
	defer tick.Stop()
	began := time.Now()
	var last seen
	closest := math.Inf(1) // to live, in seconds: a busy machine stalls now and then
	shown := func() bool {
		return last.Time >= 6 && last.Frames >= 100 && last.Audio > 0 && last.Levels["180"] > 0 && last.Levels["480"] > 0 && last.Words == "fish &amp; chips"
	}
	for end := time.After(2 * time.Minute); !shown(); {
		select {
		case <-tick.C: // on a busy machine ticks are lost: the camera is not
			due := min(int(time.Since(began)*30/time.Second), len(r.clip.Units))
			r.publish(due - r.at)
		case last = <-reports:
			if last.Ready > 1 && last.Latency > 0 {
				closest = min(closest, last.Latency)
			}
		case <-end:
			t.Fatalf("not all was shown within two minutes: %+v", last)
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

// listener is a page that plays the track of sound that it is told to, and reports the tone that it hears.
const listener = `<!doctype html><video id=v autoplay></video><script src=/hls.js></script><script>
const v = document.getElementById('v'), audio = new AudioContext(), analyser = new AnalyserNode(audio, {fftSize: 4096});
audio.createMediaElementSource(v).connect(analyser).connect(audio.destination);
const hls = new Hls(), errors = [], levels = new Uint8Array(analyser.frequencyBinCount);
hls.on(Hls.Events.ERROR, (_, d) => { if (d.fatal) errors.push(d.details) });
hls.loadSource('/hls/demo/index.m3u8');
hls.attachMedia(v);
setInterval(async () => {
  analyser.getByteFrequencyData(levels);
  const loudest = levels.indexOf(Math.max(...levels));
  const tone = levels[loudest] > 0 ? loudest * audio.sampleRate / analyser.fftSize : 0;
  const response = await fetch('/report', {method: 'POST', body: JSON.stringify({
    tone, errors, time: v.currentTime, names: hls.audioTracks.map((t) => t.name)})});
  const wanted = Number(await response.text());
  if (wanted < hls.audioTracks.length && hls.audioTrack !== wanted) hls.audioTrack = wanted;
}, 250);
</script>`

type heard struct {
	Tone, Time    float64
	Errors, Names []string
}

// hears has Chromium play the tracks of sound in an order, and waits until it has heard the tone of each.
func (r *rig) hears(order []int, tones map[int]float64, publish func(since time.Duration)) {
	r.Helper()
	var wanted atomic.Int64
	wanted.Store(int64(order[0]))
	reports := make(chan heard, 1000)
	r.browse(listener, func(report io.Reader) string {
		var h heard
		if err := json.NewDecoder(report).Decode(&h); err != nil {
			r.Error(err)
		}
		reports <- h
		return strconv.FormatInt(wanted.Load(), 10)
	})
	tick := time.NewTicker(time.Second / 30)
	defer tick.Stop()
	began := time.Now()
	var last heard
	for end := time.After(2 * time.Minute); len(order) > 0; {
		select {
		case <-tick.C:
			publish(time.Since(began))
		case last = <-reports:
			if len(last.Errors) > 0 {
				r.Fatalf("%+v", last)
			}
			if math.Abs(last.Tone-tones[order[0]]) > 20 {
				continue
			}
			if order = order[1:]; len(order) > 0 {
				wanted.Store(int64(order[0]))
			}
		case <-end:
			r.Fatalf("tracks %v were not heard within two minutes: %+v", order, last)
		}
	}
	r.Logf("%+v", last)
}

// TestBrowserHears: Chromium plays one track of sound, another, and the first again; and a stream of sound alone.
func TestBrowserHears(t *testing.T) {
	t.Parallel()
	t.Run("tracks", func(t *testing.T) {
		t.Parallel()
		r := newRig(t, nil)
		r.clip = clip.Make(r, clip.Options{Width: 320, Height: 240, Pictures: 720, Keys: 60, Sound: true, Times: 6})
		r.addSound(r.clip)
		r.addSound(clip.Make(r, clip.Options{Width: 64, Height: 64, Pictures: 720, Keys: 60, Sound: true, Tone: 1000, Times: 6}))
		must(t, r.hub.SetLadder(nil))
		r.hears([]int{0, 1, 0}, map[int]float64{0: 440, 1: 1000}, func(since time.Duration) {
			r.publish(min(int(since*30/time.Second), len(r.clip.Units)) - r.at)
		})
	})
	t.Run("sound alone", func(t *testing.T) {
		t.Parallel()
		r := newRig(t, nil)
		r.clip = clip.Make(r, clip.Options{Width: 64, Height: 64, Pictures: 720, Keys: 60, Sound: true, Times: 6})
		r.addSound(r.clip)
		must(t, r.hub.SetAudioOnly())
		begin := r.clip.Audio.Duration(r.clip.Sound[0].PTS)
		r.hears([]int{0}, map[int]float64{0: 440}, func(since time.Duration) { r.speak(begin + since) })
	})
}
