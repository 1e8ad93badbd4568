package hls_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"castnet/broadcaster/playback"
	"castnet/broadcaster/playback/hls"
	"castnet/broadcaster/playback/internal/clip"
	"castnet/internal/media"
	"castnet/transcoder"
)

var ladder = transcoder.Ladder{
	{Name: "360p", Codec: media.H264, Width: 480, Height: 360, Bitrate: 700_000, Divisor: 1},
	{Name: "180p", Codec: media.H264, Width: 240, Height: 180, Bitrate: 200_000, Divisor: 1},
}

// offset is what the packager adds to every timestamp, in ticks.
const offset = 10 * media.VideoClockRate

// directory is the streams of a test.
type directory struct {
	mu   sync.Mutex
	hubs map[string]*playback.Hub
}

func (d *directory) Hub(id string) (*playback.Hub, bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	h, ok := d.hubs[id]
	return h, ok
}

func (d *directory) set(id string, h *playback.Hub) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.hubs[id] = h; h == nil {
		delete(d.hubs, id)
	}
}

// rig is a server with one stream, "demo".
type rig struct {
	*testing.T
	url    string
	server *hls.Server
	dir    *directory
	hub    *playback.Hub
	clip   *clip.Clip
	// rungs are the renditions' clips in the ladder's order.
	rungs []*clip.Clip

	// sounds are the tracks of sound.
	sounds [][]*media.Unit

	at      int   // the next unit to publish
	soundAt []int // of each track of sound
	rungAt  []int // of each rung
	seq     uint64
	grants  []*playback.Grant // by segment
	segment map[int64]uint64  // by PTS, of what has been published
}

func newRig(t *testing.T, change func(*hls.Config)) *rig {
	t.Helper()
	metrics, err := playback.NewMetrics(prometheus.NewRegistry())
	must(t, err)
	r := &rig{T: t, segment: make(map[int64]uint64), rungAt: make([]int, len(ladder)), dir: &directory{hubs: make(map[string]*playback.Hub)}}
	r.hub, err = playback.New(playback.Config{ID: "demo", Logger: slog.New(slog.DiscardHandler), Metrics: metrics})
	must(t, err)
	r.dir.set("demo", r.hub)
	cfg := hls.Config{Directory: r.dir, Metrics: metrics, Logger: slog.New(slog.DiscardHandler)}
	if change != nil {
		change(&cfg)
	}
	server, err := hls.NewServer(cfg)
	must(t, err)
	ctx, cancel := context.WithCancel(t.Context())
	var running sync.WaitGroup
	running.Go(func() {
		if err := server.Run(ctx); err != nil {
			t.Error(err)
		}
	})
	front := httptest.NewServer(server)
	t.Cleanup(func() { front.CloseClientConnections(); front.Close(); cancel(); running.Wait() })
	r.url, r.server = front.URL+"/hls/demo/", server
	return r
}

// load makes the clips: the source with B-frames and sound, the rungs without.
func (r *rig) load(pictures, keys int) { r.loadTimes(pictures, keys, 1) }

// loadTimes is load, with all of it so many times in a row.
func (r *rig) loadTimes(pictures, keys, times int) {
	r.clip = clip.Make(r, clip.Options{Width: 640, Height: 480, Pictures: pictures, Keys: keys, BFrames: 2, Sound: true, Times: times})
	for _, p := range ladder {
		c := clip.Make(r, clip.Options{Width: p.Width, Height: p.Height, Pictures: pictures, Keys: keys, Times: times})
		c.Retime(r.clip.Units)
		r.rungs = append(r.rungs, c)
	}
	r.addSound(r.clip)
	must(r.T, r.hub.SetLadder(ladder))
}

// addSound adds a track of sound.
func (r *rig) addSound(c *clip.Clip) {
	r.hub.AddAudio(len(r.sounds), c.Audio)
	r.sounds, r.soundAt = append(r.sounds, c.Sound), append(r.soundAt, 0)
}

// publish publishes n more source pictures, and of the rungs and the sound what can follow.
func (r *rig) publish(n int) {
	r.Helper()
	for range n {
		u := r.clip.Units[r.at]
		if u.Key {
			must(r.T, r.hub.StartSegment(&media.Segment{Seq: r.seq, FirstPTS: u.PTS, DecodeFrom: u.PTS, Track: r.clip.Video, Discontinuity: u.Discontinuity}))
			r.grants = append(r.grants, r.hub.Admit(r.seq))
			r.seq++
		}
		u.Capture = time.Unix(1_700_000_000, 0).Add(r.clip.Video.Duration(u.PTS))
		must(r.T, r.hub.PublishSource(u))
		r.segment[u.PTS] = r.seq - 1
		r.at++
	}
	for i, c := range r.rungs {
		for r.rungAt[i] < len(c.Units) {
			u := c.Units[r.rungAt[i]]
			seq, published := r.segment[u.PTS]
			if !published {
				break
			}
			must(r.T, r.grants[seq].Publish(i, u))
			r.rungAt[i]++
		}
	}
	r.speak(r.clip.Video.Duration(r.clip.Units[r.at-1].DTS))
}

// speak publishes the sound up to a time.
func (r *rig) speak(until time.Duration) {
	r.Helper()
	for n, units := range r.sounds {
		for i := &r.soundAt[n]; *i < len(units) && r.clip.Audio.Duration(units[*i].PTS) <= until; *i++ {
			u := units[*i]
			if r.hub.AudioOnly() && n == 0 {
				if seconds := int64(r.clip.Audio.Duration(u.PTS-units[0].PTS) / time.Second); seconds >= int64(r.seq)*2 {
					must(r.T, r.hub.StartSegment(&media.Segment{Seq: r.seq, FirstPTS: u.PTS, DecodeFrom: u.PTS, Track: r.clip.Audio}))
					r.seq++
				}
				u.Capture = time.Unix(1_700_000_000, 0).Add(r.clip.Audio.Duration(u.PTS))
			}
			must(r.T, r.hub.PublishAudio(n, media.AAC, u))
		}
	}
}

// get fetches a path below the stream's.
func (r *rig) get(path string) (status int, body string, header http.Header) {
	r.Helper()
	res, err := http.Get(r.url + path)
	must(r.T, err)
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	must(r.T, err)
	return res.StatusCode, string(b), res.Header
}

// playlist fetches one that must be there.
func (r *rig) playlist(path string) string {
	r.Helper()
	status, body, header := r.get(path)
	if status != http.StatusOK || header.Get("Content-Type") != "application/vnd.apple.mpegurl" || header.Get("Access-Control-Allow-Origin") != "*" {
		r.Fatalf("%s: %d %s\n%v", path, status, body, header)
	}
	return body
}

// later runs a request whose answer is awaited later.
func (r *rig) later(path string) <-chan string {
	answer := make(chan string, 1)
	go func() {
		res, err := http.Get(r.url + path)
		if err != nil {
			answer <- err.Error()
			return
		}
		defer res.Body.Close()
		b, _ := io.ReadAll(res.Body)
		answer <- fmt.Sprintf("%d %s", res.StatusCode, b)
	}()
	return answer
}

// packets are the PTS that ffprobe finds in a playlist or file, in ticks, in rising order.
func (r *rig) packets(url string) []int64 {
	r.Helper()
	out, err := exec.CommandContext(r.Context(), "ffprobe", "-v", "error", "-show_packets", "-show_entries", "packet=pts,stream_index", "-of", "json", url).CombinedOutput()
	if err != nil {
		r.Fatalf("ffprobe: %v: %s", err, out)
	}
	var probed struct{ Packets []struct{ PTS int64 } }
	must(r.T, json.Unmarshal(out, &probed))
	var pts []int64
	for _, p := range probed.Packets {
		pts = append(pts, p.PTS)
	}
	slices.Sort(pts)
	return pts
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// TestWholeStream publishes a stream that is being watched, ends it, and has ffprobe read every rendition: each picture
// is there once with its PTS, the tail included.
func TestWholeStream(t *testing.T) {
	t.Parallel()
	r := newRig(t, nil)
	r.load(200, 60)
	index := r.later("index.m3u8")
	r.publish(len(r.clip.Units))
	r.speak(time.Hour)
	first := <-index
	r.hub.Close(nil)
	r.dir.set("demo", nil) // it lingers

	for _, want := range []string{
		"RESOLUTION=640x480", "RESOLUTION=480x360", "RESOLUTION=240x180", "FRAME-RATE=30.000", "mp4a.40.2", "avc1.4d401e", `AUDIO="audio"`,
		"source/index.m3u8", "360p/index.m3u8", "180p/index.m3u8", `URI="aac/index.m3u8"`,
	} {
		if !strings.Contains(first, want) {
			t.Errorf("the multivariant playlist lacks %s:\n%s", want, first)
		}
	}
	want := clip.PTS(r.clip.Units)
	for i := range want {
		want[i] += offset
	}
	for _, name := range []string{"source", "360p", "180p"} {
		r.ended(name)
		if got := r.packets(r.url + name + "/index.m3u8"); !slices.Equal(got, want) {
			t.Errorf("%s: %d pictures with the wrong PTS, published were %d", name, len(got), len(want))
		}
	}
	r.ended("aac")
	if got := r.packets(r.url + "aac/index.m3u8"); len(got) != len(r.clip.Sound) || got[0] != r.clip.Sound[0].PTS+10*48000 {
		t.Errorf("%d packets of sound, published were %d", len(got), len(r.clip.Sound))
	}
	// A player that reads the multivariant playlist decodes without a complaint.
	out, err := exec.CommandContext(t.Context(), "ffmpeg", "-v", "warning", "-i", r.url+"index.m3u8", "-map", "0:v:0", "-map", "0:a:0", "-f", "null", "-").CombinedOutput()
	if err != nil || len(bytes.TrimSpace(out)) > 0 {
		t.Errorf("ffmpeg: %v: %s", err, out)
	}
}

// follow reloads a variant's playlist, blocking, until it contains something.
func (r *rig) follow(name, want string) string {
	r.Helper()
	body := r.playlist(name + "/index.m3u8")
	for !strings.Contains(body, want) {
		var first int
		_, err := fmt.Sscanf(body[strings.Index(body, "#EXT-X-MEDIA-SEQUENCE:"):], "#EXT-X-MEDIA-SEQUENCE:%d", &first)
		must(r.T, err)
		body = r.playlist(fmt.Sprintf("%s/index.m3u8?_HLS_msn=%d", name, first+strings.Count(body, "#EXTINF")))
	}
	return body
}

// ended follows a variant to its last playlist.
func (r *rig) ended(name string) {
	r.Helper()
	if body := r.follow(name, "#EXT-X-ENDLIST"); strings.Contains(body, "GAP") {
		r.Errorf("%s has gaps:\n%s", name, body)
	}
}

// TestFirstPart: who waits from the first picture on has a playlist with the first part, and need not wait for another.
func TestFirstPart(t *testing.T) {
	t.Parallel()
	r := newRig(t, nil)
	r.load(60, 60)
	r.publish(1)
	playlist := r.later("source/index.m3u8")
	camera := time.NewTicker(time.Second / 30)
	defer camera.Stop()
	for range 5 { // what has come by now is live: the packager has seen that nothing follows
		<-camera.C
		r.publish(1)
	}
	select {
	case body := <-playlist:
		r.contains(body, "200 ", "#EXTINF:0.20000", "TYPE=PART")
		if strings.Contains(body, "INDEPENDENT=YES") {
			t.Errorf("a piece says that it is independent: hls.js would not go on with the next one:\n%s", body)
		}
	case <-time.After(30 * time.Second):
		t.Error("no playlist with the first part alone")
	}
}

// TestQuietPublisher: a segment that is complete is shown also where nothing follows it.
func TestQuietPublisher(t *testing.T) {
	t.Parallel()
	r := newRig(t, nil)
	r.load(120, 60)
	r.publish(60 + 3) // less than a part of the second segment
	r.contains(r.playlist("source/index.m3u8"), "#EXTINF:2.00000")
	r.publish(57)
	r.contains(r.follow("source", "-s0.m4s"), "INDEPENDENT=YES")
}

// TestLiveEdge follows a stream from its first part on: blocking reloads and hinted parts are answered by the very
// picture that completes them.
func TestLiveEdge(t *testing.T) {
	t.Parallel()
	r := newRig(t, nil)
	r.load(130, 60)
	r.publish(8) // two more than the first part, for the B-frames that the rungs wait for
	r.playlist("index.m3u8")
	first := r.playlist("180p/index.m3u8")
	r.contains(first, "#EXT-X-TARGETDURATION:3", "#EXT-X-MEDIA-SEQUENCE:0\n", "CAN-BLOCK-RELOAD=YES", "#EXT-X-PART-INF:PART-TARGET=0.2",
		"#EXT-X-MAP:URI=", "#EXTINF:0.20000", "#EXT-X-PROGRAM-DATE-TIME:2023-11-14T22:13:2", "TYPE=PART", `#EXT-X-RENDITION-REPORT:URI="../360p/index.m3u8",LAST-MSN=0,LAST-PART=0`)

	hint := regexp.MustCompile(`PRELOAD-HINT:TYPE=PART,URI="([^"]+)"`).FindStringSubmatch(first)[1]
	part, reload := r.later("180p/"+hint), r.later("180p/index.m3u8?_HLS_msn=1&_HLS_part=0")
	r.publish(3)
	select {
	case body := <-reload:
		t.Fatalf("answered before the part was complete:\n%s", body)
	case <-part:
		t.Fatal("a part that is not complete was served")
	default:
	}
	r.publish(3)
	if body := <-part; !strings.HasPrefix(body, "200 ") || !strings.Contains(body, "moof") {
		t.Errorf("hinted part: %.100s", body)
	}
	r.contains(<-reload, "200 ", "#EXTINF:0.20000", hint)

	// The stream's first segment came in pieces of one part; the next one, which begins at the source's next key
	// picture, comes whole and in parts.
	r.publish(60 - 14 + 8)
	r.contains(r.follow("180p", "-s9.m4s"), "#EXT-X-START:TIME-OFFSET=")
	whole := r.later("180p/index.m3u8?_HLS_msn=10")
	r.publish(60)
	segment := <-whole
	r.contains(segment, "200 ", "#EXTINF:2.00000", "-s10.m4s", "INDEPENDENT=YES")
	names := regexp.MustCompile(`[0-9a-f]+-[ips]\d+\.\w+`).FindAllString(segment, -1)
	var parts, joined string
	for _, name := range names {
		status, body, header := r.get("180p/" + name)
		if status != http.StatusOK || !strings.Contains(header.Get("Cache-Control"), "immutable") {
			if name != names[len(names)-1] {
				t.Errorf("%s: %d", name, status)
			}
			continue
		}
		switch name[9] {
		case 'p':
			parts += body
		case 's':
			joined += body
		}
		if name == names[len(names)-2] {
			break // the last is the hint
		}
	}
	if !strings.HasPrefix(parts, joined) || len(joined) == 0 {
		t.Errorf("segments of %d bytes are not their parts, of %d bytes", len(joined), len(parts))
	}
	r.hub.Close(nil)
	r.ended("180p")
	if status, _, _ := r.get("180p/" + hint[:9] + "p999.m4s"); status != http.StatusNotFound {
		t.Errorf("a part that never was: %d", status)
	}
}

func (r *rig) contains(body string, all ...string) {
	r.Helper()
	for _, want := range all {
		if !strings.Contains(body, want) {
			r.Errorf("no %q in\n%s", want, body)
		}
	}
}

// TestLateViewer: who comes late gets the last seconds at once, in segments that begin with a key picture, aligned over
// the variants.
func TestLateViewer(t *testing.T) {
	t.Parallel()
	r := newRig(t, nil)
	r.load(200, 60)
	r.publish(190)
	heads := make(map[string]string)
	for _, name := range []string{"source", "360p", "180p", "aac"} {
		body := r.playlist(name + "/index.m3u8?_HLS_msn=2")
		r.contains(body, "#EXT-X-INDEPENDENT-SEGMENTS", "#EXT-X-MEDIA-SEQUENCE:0\n")
		heads[name] = regexp.MustCompile(`PROGRAM-DATE-TIME:(\S+)`).FindStringSubmatch(body)[1]
	}
	if heads["source"] != heads["360p"] || heads["360p"] != heads["180p"] {
		t.Errorf("segments begin at %v", heads)
	}
	if got := r.hub.Viewers(playback.HLS); got != 1 {
		t.Errorf("%d viewers", got)
	}
}

// TestWindow: playlists stay bounded and what has left them can be fetched a little longer, then no more.
func TestWindow(t *testing.T) {
	t.Parallel()
	r := newRig(t, func(c *hls.Config) { c.Window = 2 * time.Second })
	r.load(300, 30)
	r.publish(40)
	body := r.playlist("360p/index.m3u8")
	oldest := "360p/" + regexp.MustCompile(`[0-9a-f]+-s\d+\.m4s`).FindString(body)
	for r.at < 260 {
		reload := r.later(fmt.Sprintf("360p/index.m3u8?_HLS_msn=%d", r.seq-1))
		r.publish(30)
		body = <-reload
	}
	r.contains(body, "#EXT-X-MEDIA-SEQUENCE:7\n")
	if n := strings.Count(body, "#EXTINF"); n != 2 {
		t.Errorf("%d segments in a window of 2 s:\n%s", n, body)
	}
	if status, _, _ := r.get(oldest); status != http.StatusNotFound {
		t.Errorf("a segment of long ago: %d", status)
	}
}

// TestNewEncoder: a replacement with other parameter sets is a new initialization behind a discontinuity, in every
// variant with the same number.
func TestNewEncoder(t *testing.T) {
	t.Parallel()
	r := newRig(t, nil)
	r.load(200, 60)
	other := clip.Make(t, clip.Options{Width: 480, Height: 368, Pictures: 200, Keys: 60})
	other.Retime(r.clip.Units)
	r.publish(70)
	// The second segment is taken over at its end: the replacement goes on with the third's pictures.
	r.rungs[0] = other
	r.publish(120)
	for name, maps := range map[string]int{"360p": 2, "180p": 1, "source": 1, "aac": 1} {
		body := r.playlist(name + "/index.m3u8?_HLS_msn=3&_HLS_part=0")
		if n := strings.Count(body, "#EXT-X-DISCONTINUITY\n"); n != 1 {
			t.Errorf("%s: %d discontinuities\n%s", name, n, body)
		}
		if n := strings.Count(body, "#EXT-X-MAP"); n != maps {
			t.Errorf("%s: %d initializations, expected %d\n%s", name, n, maps, body)
		}
	}
}

// TestFull: players beyond the limit are told so, whichever playlist they ask for; those who watch go on.
func TestFull(t *testing.T) {
	t.Parallel()
	r := newRig(t, func(c *hls.Config) { c.MaxViewers = 1 })
	r.load(100, 60)
	r.publish(70)
	r.playlist("index.m3u8")
	for _, path := range []string{"index.m3u8", "360p/index.m3u8"} {
		status, text, header := r.as("another", path)
		if status != http.StatusServiceUnavailable || header.Get("Retry-After") == "" || !strings.Contains(text, "--max-viewers") {
			t.Errorf("%s: %d %s", path, status, text)
		}
		r.playlist("360p/index.m3u8")
	}
}

// TestMadeUpPlayers: one address takes some of a stream's places, however many players it says that it has; and who asks for
// what is not there takes none.
func TestMadeUpPlayers(t *testing.T) {
	t.Parallel()
	r := newRig(t, func(c *hls.Config) { c.MaxViewers = 65 }) // 64 that are told apart, and the others
	r.load(100, 60)
	r.publish(70)
	r.playlist("index.m3u8")
	ask := func(path string, want int) {
		for i := range 200 {
			if status, text, _ := r.as(fmt.Sprintf("player %d", i), path); status != want {
				t.Fatalf("%s, player %d: %d %s", path, i, status, text)
			}
		}
	}
	ask("1080p/index.m3u8", http.StatusNotFound)
	if n := r.hub.Viewers(playback.HLS); n != 1 {
		t.Errorf("%d viewers, of whom one asked for what is there", n)
	}
	ask("360p/index.m3u8", http.StatusOK)
	if n := r.hub.Viewers(playback.HLS); n != 65 {
		t.Errorf("%d viewers at one address", n)
	}
}

// as asks for a file as a player with another name.
func (r *rig) as(agent, path string) (status int, body string, header http.Header) {
	r.Helper()
	req, err := http.NewRequestWithContext(r.Context(), http.MethodGet, r.url+path, http.NoBody)
	must(r.T, err)
	req.Header.Set("User-Agent", agent)
	res, err := http.DefaultClient.Do(req)
	must(r.T, err)
	text, err := io.ReadAll(res.Body)
	must(r.T, err)
	must(r.T, res.Body.Close())
	return res.StatusCode, string(text), res.Header
}

func TestRefusals(t *testing.T) {
	t.Parallel()
	r := newRig(t, func(c *hls.Config) { c.Wait = 100 * time.Millisecond })
	r.load(100, 60)
	if status, body, _ := r.get("index.m3u8"); status != http.StatusServiceUnavailable || !strings.Contains(body, "try again") {
		t.Errorf("nothing published yet: %d %s", status, body)
	}
	r.publish(70)
	r.playlist("360p/index.m3u8")
	for path, want := range map[string]struct {
		status int
		text   string
	}{
		"1080p/index.m3u8":                            {404, `no rendition "1080p"`},
		"360p/index.m3u8?_HLS_msn=99":                 {400, "the newest segment is"},
		"360p/index.m3u8?_HLS_msn=x":                  {400, "a media sequence number is needed"},
		"360p/index.m3u8?_HLS_part=1":                 {400, "a media sequence number is needed"},
		"360p/index.m3u8?_HLS_msn=1&_HLS_part=-1":     {400, "a part number is needed"},
		"360p/index.m3u8?_HLS_msn=3":                  {503, "try again"},
		"360p/00000000-s1.m4s":                        {404, "no such file"},
		"360p/other.mp4":                              {404, "no such file"},
		"360p/a/b":                                    {404, "no such page"},
		"other":                                       {404, "no such page"},
		"360p/" + strings.Repeat("9", 5000) + "p.m4s": {404, "no such file"},
	} {
		if status, body, header := r.get(path); status != want.status || !strings.Contains(body, want.text) || header.Get("Access-Control-Allow-Origin") != "*" {
			t.Errorf("%.60s: %d %s", path, status, body)
		}
	}
	r.url = strings.Replace(r.url, "demo", "nothing", 1)
	if status, body, _ := r.get("index.m3u8"); status != http.StatusNotFound || !strings.Contains(body, `stream "nothing" is not live`) {
		t.Errorf("no such stream: %d %s", status, body)
	}
	res, err := http.Post(r.url+"index.m3u8", "", nil)
	must(t, err)
	res.Body.Close()
	if res.StatusCode != http.StatusMethodNotAllowed {
		t.Errorf("POST: %d", res.StatusCode)
	}
}

func TestGzip(t *testing.T) {
	t.Parallel()
	r := newRig(t, nil)
	r.load(100, 60)
	r.publish(70)
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, r.url+"360p/index.m3u8", nil)
	must(t, err)
	req.Header.Set("Accept-Encoding", "gzip")
	res, err := http.DefaultTransport.RoundTrip(req)
	must(t, err)
	defer res.Body.Close()
	z, err := gzip.NewReader(res.Body)
	must(t, err)
	if body, err := io.ReadAll(z); err != nil || !bytes.HasPrefix(body, []byte("#EXTM3U\n")) || res.Header.Get("Content-Encoding") != "gzip" {
		t.Errorf("%v %s", err, body)
	}
}
