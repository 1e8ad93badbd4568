package e2e_test

import (
	"context"
	"fmt"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"castnet/test/clap"
	"castnet/test/testnet"
)

// matrixFilm is what every row publishes: numbered pictures, and a flash with a beep each second. Its ladder is the default
// one of its size.
var matrixFilm = clap.Film{Width: 320, Height: 240, FPS: 30, Pictures: 240}

var matrixRungs = map[string][2]int{"source": {320, 240}, "240p": {320, 240}, "160p": {212, 160}, "120p": {160, 120}}

// step is how far sound and pictures may be apart, roughly how far where nobody can know better.
const step, roughly = 45 * time.Millisecond, 200 * time.Millisecond

// films are the film's encodings, by ffmpeg's arguments. Key pictures come every second.
var films = map[string][]string{
	"h264-aac":  {"-c:v", "libx264", "-preset", "veryfast", "-bf", "2", "-b_strategy", "0", "-g", "30", "-keyint_min", "30", "-sc_threshold", "0", "-c:a", "aac"},
	"h264-opus": {"-c:v", "libx264", "-preset", "veryfast", "-bf", "2", "-b_strategy", "0", "-g", "30", "-keyint_min", "30", "-sc_threshold", "0", "-c:a", "libopus"},
	"hevc-aac":  {"-c:v", "libx265", "-preset", "ultrafast", "-x265-params", "log-level=none:open-gop=0:keyint=30:min-keyint=30:scenecut=0:bframes=2", "-c:a", "aac"},
	"av1-aac":   {"-c:v", "libsvtav1", "-preset", "12", "-g", "30", "-c:a", "aac"},
	"vp9-aac":   {"-c:v", "libvpx-vp9", "-deadline", "realtime", "-cpu-used", "8", "-g", "30", "-lag-in-frames", "0", "-c:a", "aac"},
	"flat-opus": {"-c:v", "libx264", "-preset", "veryfast", "-bf", "0", "-g", "30", "-keyint_min", "30", "-sc_threshold", "0", "-c:a", "libopus"},
	"vp8-opus":  {"-c:v", "libvpx", "-deadline", "realtime", "-cpu-used", "8", "-g", "30", "-c:a", "libopus"},
}

// row is one way in with one film, and who watches it.
type row struct {
	name  string // also the stream's key and id
	short bool   // part of the short form
	film  string // "" where the publisher makes it
	push  publisher
	watch []watcher
	// drops says that the publisher leaves pictures out when it is short of time: what one watcher saw, all must have seen, and
	// where a flash has lost its first picture, its beep is early. The middle pair of a flash and a beep is judged.
	drops bool
	// lateSound is how much of the sound's end may be missing.
	lateSound time.Duration
	// unreported says that the publisher's first reports come up to five seconds late (RFC 3550, section 6.2): until then sound
	// is where its first packet arrived, and a busy machine delays that. The flashes after it are judged as ever.
	unreported bool
}

// publisher sends a file to a stream key in real time, and returns when all of it is sent.
type publisher func(ctx context.Context, m *matrix, key, file string) error

// watcher is one way out with one player.
type watcher struct {
	name string
	// play writes what it gets into a file and returns when the stream is over.
	play func(ctx context.Context, m *matrix, id, file string) error
	// renditions are those in the file, in the order of its video streams; "best" is what the player takes for it.
	renditions []string
	// joins says that the player begins at the next key picture, not with the stream's first.
	joins bool
	// screen says that it is what a browser's recorder saw on the screen: on a busy machine that leaves pictures out and
	// repeats some, and its sound is as early as the recorder has it. The order is judged, and that the end is there.
	screen bool
}

// rtspLate is what ffmpeg keeps to itself at the end: it fills packets with AAC, and does not send the last one.
const rtspLate = 500 * time.Millisecond

// matrixRows are played atOnce together, in this order: of those with a browser or many players there is one in each four.
var matrixRows = []row{
	{name: "rtmp-h264-aac", short: true, film: "h264-aac", push: rtmpByFFmpeg, watch: everybody},
	{name: "rtsp-h264-opus", short: true, film: "h264-opus", push: rtspByFFmpeg("tcp"), watch: everybody},
	{name: "srt-hevc-aac", short: true, film: "hevc-aac", push: srtByFFmpeg, watch: everybody},
	{name: "rtmp-av1-aac", short: true, film: "av1-aac", push: rtmpByBuiltFFmpeg, watch: but("rtsp-ffmpeg")},
	{name: "whip-h264-opus", short: true, film: "flat-opus", push: whipByPion, watch: everybody},
	{name: "rtmp-hevc-aac", film: "hevc-aac", push: rtmpByBuiltFFmpeg, watch: everybody},
	{name: "rtmp-vp9-aac", film: "vp9-aac", push: rtmpByBuiltFFmpeg, watch: everybody},
	{name: "rtmp-gstreamer", film: "h264-aac", push: byGStreamer("aacparse", gstreamerRTMP), watch: slices.Concat(everybody, others)},
	{name: "rtsp-h264-aac", film: "h264-aac", push: rtspByFFmpeg("tcp"), watch: everybody, lateSound: rtspLate},
	{name: "rtsp-udp-h264-aac", film: "h264-aac", push: rtspByFFmpeg("udp"), watch: everybody, lateSound: rtspLate},
	{name: "rtsp-hevc-aac", film: "hevc-aac", push: rtspByFFmpeg("tcp"), watch: everybody, lateSound: rtspLate},
	{name: "rtmp-to-chromium", film: "h264-aac", push: afterwards(rtmpByFFmpeg), watch: browsers},
	{name: "rtsp-vp8-opus", film: "vp8-opus", push: rtspByFFmpeg("tcp"), watch: withoutSource},
	{name: "srt-h264-aac", film: "h264-aac", push: srtByFFmpeg, watch: everybody},
	{name: "srt-h264-opus", film: "h264-opus", push: srtByFFmpeg, watch: everybody},
	{name: "whip-chromium-h264", push: whipByChromium("H264"), watch: everybody, drops: true},
	{name: "rtsp-gstreamer", film: "h264-opus", push: thatHangs(byGStreamer("opusparse", gstreamerRTSP)), watch: everybody, unreported: true},
	{name: "srt-gstreamer", film: "h264-aac", push: byGStreamer("aacparse", gstreamerSRT), watch: everybody},
	{name: "rtmps-h264-aac", film: "h264-aac", push: rtmpsByFFmpeg, watch: everybody},
	{name: "whip-chromium-vp8", push: whipByChromium("VP8"), watch: withoutSource, drops: true},
	{name: "rtmp-h264-opus", film: "h264-opus", push: rtmpOpus, watch: everybody},
	{name: "http-h264-aac", film: "h264-aac", push: pushByFFmpeg("hls"), watch: everybody},
	{name: "http-h264-opus", film: "h264-opus", push: pushByFFmpeg("segment"), watch: everybody},
	{name: "whip-chromium-vp9", push: whipByChromium("VP9"), watch: everybody, drops: true},
	{name: "http-hevc-aac", film: "hevc-aac", push: pushByFFmpeg("hls"), watch: everybody},
	{name: "srt-live-transmit", film: "h264-aac", push: srtLiveTransmit, watch: everybody},
	{name: "whip-chromium-av1", push: whipByChromium("AV1"), watch: but("rtsp-ffmpeg"), drops: true},
}

// everybody watches in every row.
var everybody = []watcher{
	{name: "hls-ffmpeg", play: hlsByFFmpeg, renditions: []string{"source", "240p", "160p", "120p"}},
	{name: "rtsp-ffmpeg", play: playRTSPByFFmpeg("source"), renditions: []string{"source"}, joins: true},
	{name: "rtsp-ffmpeg-160p", play: playRTSPByFFmpeg("160p"), renditions: []string{"160p"}, joins: true},
	{name: "whep", play: whepRecorded("160p"), renditions: []string{"160p"}, joins: true},
}

// others watch H264 with AAC, once.
var others = []watcher{
	// GStreamer takes RTP's times for decoding times, B-frames' too: it plays what has none in step.
	{name: "rtsp-gstreamer-160p", play: rtspByGStreamer("160p", "protocols=tcp"), renditions: []string{"160p"}, joins: true},
	{name: "rtsp-gstreamer-udp", play: rtspByGStreamer("160p", "protocols=udp"), renditions: []string{"160p"}, joins: true},
	{name: "hls-mpv", play: hlsByMPV, renditions: []string{"best"}},
	{name: "rtsp-mpv", play: rtspByMPV, renditions: []string{"source"}, joins: true},
}

// browsers watch H264, once.
var browsers = []watcher{
	{name: "whep-chromium", play: byChromium("whep", "/whep/%s?rendition=160p"), renditions: []string{"160p"}, joins: true, screen: true},
	{name: "hls-chromium", play: byChromium("hls", "/hls/%s/index.m3u8"), renditions: []string{"best"}, joins: true, screen: true},
}

// but is everybody without one: no packaged player takes AV1 by RTP.
func but(name string) []watcher {
	return slices.DeleteFunc(slices.Clone(everybody), func(w watcher) bool { return w.name == name })
}

// withoutSource is for codecs that HLS does not carry: the rungs stand in.
var withoutSource = []watcher{
	{name: "hls-ffmpeg", play: hlsByFFmpeg, renditions: []string{"240p", "160p", "120p"}},
	everybody[1], everybody[2], everybody[3],
}

// matrix is a network and what is published to it.
type matrix struct {
	*testnet.Network
	built string // the ffmpeg that make deps builds
	films map[string]string
}

// TestMatrix publishes a numbered film with flashes and beeps by every way in, in every codec that it carries, and has real
// players watch it by every way out. What they saw is decoded: every picture is there, in its size, in order, to the last one,
// and sound is in step. CASTNET_MATRIX=all plays all rows, a pattern those that match it; else it is the short form.
func TestMatrix(t *testing.T) {
	rows := chosenRows(t)
	var keys []string
	for _, r := range rows {
		keys = append(keys, r.name+" "+r.name)
	}
	m := &matrix{Network: networkOf(t, testnet.Config{RTMPS: true, Args: []string{"--keys", keysFile(t, keys...)}}), built: builtFFmpeg(t), films: make(map[string]string)}
	for _, r := range rows {
		if r.film == "" || m.films[r.film] != "" {
			continue
		}
		m.films[r.film] = filepath.Join(t.TempDir(), r.film+".mkv")
		if err := matrixFilm.Encode(t.Context(), m.films[r.film], films[r.film]...); err != nil {
			t.Fatal(err)
		}
	}
	const atOnce = 4 // as many as two cores transcode in time
	for some := range slices.Chunk(rows, atOnce) {
		var all sync.WaitGroup
		for _, r := range some {
			all.Go(func() { m.play(t, r) })
		}
		all.Wait()
	}
}

func chosenRows(t *testing.T) []row {
	t.Helper()
	choice := os.Getenv("CASTNET_MATRIX")
	rows := slices.DeleteFunc(slices.Clone(matrixRows), func(r row) bool {
		switch choice {
		case "":
			return !r.short
		case "all":
			return false
		default:
			return !strings.Contains(r.name, choice)
		}
	})
	if len(rows) == 0 {
		t.Fatalf("CASTNET_MATRIX=%s: no row's name has it", choice)
	}
	return rows
}

func builtFFmpeg(t *testing.T) string {
	t.Helper()
	prefix, err := exec.CommandContext(t.Context(), filepath.Join(testnet.Root(), "deploy", "deps", "ffmpeg.sh")).Output()
	if err != nil {
		t.Fatalf("deploy/deps/ffmpeg.sh: %v", err)
	}
	return filepath.Join("/", strings.TrimSpace(string(prefix)), "bin", "ffmpeg")
}

// play publishes a row's film, has everybody watch, and looks at what they saw.
func (m *matrix) play(t *testing.T, r row) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	dir := t.TempDir()
	var all sync.WaitGroup
	all.Go(func() {
		if err := r.push(ctx, m, r.name, m.films[r.film]); err != nil {
			t.Errorf("%s: publish: %v", r.name, err)
			return
		}
		if err := m.settle(ctx, r.name); err != nil {
			t.Errorf("%s: %v", r.name, err)
		}
	})
	errs := make([]error, len(r.watch))
	for i, w := range r.watch {
		all.Go(func() { errs[i] = w.play(ctx, m, r.name, filepath.Join(dir, w.name)) })
	}
	all.Wait()
	var sights []sight
	for i, w := range r.watch {
		if errs[i] != nil {
			t.Errorf("%s → %s: %v", r.name, w.name, errs[i])
			continue
		}
		for n, rendition := range w.renditions {
			seen, err := clap.Read(ctx, filepath.Join(dir, w.name), n)
			if err != nil || len(seen.Numbers) == 0 {
				t.Errorf("%s → %s %s: no pictures, %v", r.name, w.name, rendition, err)
				continue
			}
			sights = append(sights, sight{w, rendition, seen})
		}
	}
	sent := r.sent(sights)
	for _, s := range sights {
		for _, wrong := range r.judge(s, sent) {
			t.Errorf("%s → %s %s: %s", r.name, s.name, s.rendition, wrong)
		}
		t.Logf("%s → %s %s: %s %d×%d, %d pictures of %d to %d, sound %v after the flashes, %d ms after the last picture",
			r.name, s.name, s.rendition, s.seen.Codec, s.seen.Width, s.seen.Height, len(s.seen.Numbers), s.seen.Numbers[0],
			s.seen.Numbers[len(s.seen.Numbers)-1], s.seen.Offsets(), int((s.seen.End-s.seen.Last)*1000))
	}
}

// sight is what one player saw of one rendition.
type sight struct {
	watcher
	rendition string
	seen      *clap.Seen
}

// sent is the pictures that were published.
func (r row) sent(sights []sight) []int {
	if !r.drops {
		return matrixFilm.Numbers()
	}
	var all []int
	for _, s := range sights {
		all = append(all, s.seen.Numbers...)
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// settle waits until all of a stream's segments are verified.
func (m *matrix) settle(ctx context.Context, id string) error {
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for {
		v, err := m.Stream(ctx, id)
		switch {
		case err != nil:
			return err
		case v.Verified.Failed > 0:
			return fmt.Errorf("%d segments failed their checks: %s", v.Verified.Failed, v.Verified.LastFailure)
		case v.Segments.Count > 2 && v.Verified.OK == v.Segments.Count:
			return nil
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return fmt.Errorf("%d of %d segments are verified: %w", v.Verified.OK, v.Segments.Count, ctx.Err())
		}
	}
}

// judge says what is wrong with what a player saw of a rendition, of which these pictures were sent.
func (r row) judge(w sight, sent []int) (wrong []string) {
	s := w.seen
	bad := func(format string, args ...any) { wrong = append(wrong, fmt.Sprintf(format, args...)) }
	if size, ok := matrixRungs[w.rendition]; ok && (s.Width != size[0] || s.Height != size[1]) {
		bad("%d×%d, not %d×%d", s.Width, s.Height, size[0], size[1])
	}
	if len(sent) < matrixFilm.Pictures/4 {
		bad("only %d pictures were published", len(sent))
	}
	if w.screen {
		s.Numbers = slices.Compact(s.Numbers)
		const shown = 10 // pictures that the last one shown may be away from the end
		if !slices.IsSorted(s.Numbers) || len(s.Numbers) < len(sent)/4 || s.Numbers[len(s.Numbers)-1] < sent[len(sent)-1]-shown || len(s.Beeps) == 0 {
			bad("it showed %v, beeps at %.3f s", s.Numbers, s.Beeps)
		}
		return wrong
	}
	if w.joins {
		s.Numbers = s.Numbers[guesses(s.Numbers):]
	}
	if r.drops && len(s.Numbers) > 1 && s.Numbers[0] == s.Numbers[1] {
		s.Numbers = s.Numbers[1:] // browsers at times send what a canvas shows at first twice
	}
	missing, disorder := s.Gaps(sent)
	if len(missing) > 0 {
		bad("pictures %v are missing", missing)
	}
	if disorder > 0 {
		bad("%d pictures come twice or out of order: %v", disorder, s.Numbers)
	}
	switch first := s.Numbers[0]; {
	case !w.joins && first != sent[0]:
		bad("the first picture is number %d", first)
	case first > matrixFilm.Pictures*3/4:
		bad("it began with picture %d only", first)
	}
	offsets, flashes := s.Offsets(), s.Flashes
	for w.joins && len(flashes) > 0 && len(s.Beeps) > 0 && s.Beeps[0]-flashes[0] > 0.5 {
		flashes = flashes[1:] // pictures begin with the key picture before the player joined, sound does not
	}
	if len(offsets) != len(flashes) || len(offsets) == 0 {
		bad("flashes at %.3f, beeps at %.3f s", s.Flashes, s.Beeps)
	}
	if r.drops && len(offsets) > 0 {
		offsets = slices.Sorted(slices.Values(offsets))
		offsets = offsets[len(offsets)/2:][:1]
	}
	const reported = 3 // flashes of the film's eight come after its fifth second
	for i, d := range offsets {
		allowed := step
		if r.unreported && i < len(offsets)-reported {
			allowed = roughly
		}
		if d.Abs() > allowed {
			bad("beeps come %v after their flashes", offsets)
			break
		}
	}
	if tail := s.Last - s.End; tail > (r.lateSound+60*time.Millisecond).Seconds() || math.IsNaN(tail) {
		bad("sound ends %.3f s before the last picture begins", tail)
	}
	return wrong
}

// guesses is how many pictures a player has made up that joined between two key pictures, which are a second apart: HEVC
// decoders show what they make of pictures that build on others, which they do not have.
func guesses(numbers []int) int {
	for i := min(matrixFilm.FPS, len(numbers)-1); i > 0; i-- {
		if numbers[i] != numbers[i-1]+1 {
			return i
		}
	}
	return 0
}
