package captions_test

import (
	"bytes"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/bluenviron/mediacommon/v2/pkg/formats/mpegts"
	"github.com/bluenviron/mediacommon/v2/pkg/formats/mpegts/codecs"

	"castnet/broadcaster/playback/captions"
	"castnet/internal/media"
	"castnet/test/clip"
)

// carry puts pairs into pictures in the order of display, one each: even as ATSC A/53 has them in an SEI message.
func carry(v []*media.Unit, pairs [][2]byte) []*media.Unit {
	shown := slices.SortedFunc(slices.Values(v), func(a, b *media.Unit) int { return int(a.PTS - b.PTS) })
	with := make(map[int64][2]byte)
	for i, u := range shown {
		if i < len(pairs) {
			with[u.PTS] = pairs[i]
		}
	}
	var out []*media.Unit
	for _, u := range v {
		c := *u
		pair := with[u.PTS]
		message := []byte{0xb5, 0, 0x31, 'G', 'A', '9', '4', 3, 0x41, 0xff, 0xfc, odd(pair[0]), odd(pair[1]), 0xff}
		nalu := append([]byte{0, 0, 0, 1, 6, 4, byte(len(message))}, message...)
		c.Payload = slices.Concat(nalu, []byte{0x80}, u.Payload)
		out = append(out, &c)
	}
	return out
}

// odd is a byte with odd parity, as it is sent.
func odd(b byte) byte {
	ones := 0
	for i := range 8 {
		ones += int(b >> i & 1)
	}
	if ones%2 == 0 {
		return b | 0x80
	}
	return b
}

// script writes codes, which go out twice, and letters.
type script [][2]byte

func (s *script) code(first, second byte) {
	*s = append(*s, [2]byte{first, second}, [2]byte{first, second})
}

func (s *script) say(text string) {
	if len(text)%2 == 1 {
		text += "\x00"
	}
	for i := 0; i < len(text); i += 2 {
		*s = append(*s, [2]byte{text[i], text[i+1]})
	}
}

func (s *script) pause(pictures int) { *s = append(*s, make(script, pictures)...) }

// The codes in use.
const (
	resumeLoading, rollUp2, rollUp3, resumeDirect, erase, carriageReturn, eraseHidden, endOfCaption = 0x20, 0x25, 0x26, 0x29, 0x2c, 0x2d, 0x2e, 0x2f
)

// programme shows captions of every kind.
func programme() script {
	var s script
	// A caption of two rows that pops on, with a letter that replaces another, and goes.
	s.code(0x14, resumeLoading)
	s.code(0x14, eraseHidden)
	s.code(0x14, 0x50) // row 14
	s.say("Good evening, se")
	s.say("n")
	s.code(0x12, 0x20+1) // É in the place of n
	s.code(0x14, 0x70)   // row 15
	s.say("and <welcome> & more")
	s.code(0x14, endOfCaption)
	s.pause(10)
	// CC2 speaks in between: nobody sees it.
	s.code(0x1c, resumeLoading)
	s.say("not for us")
	s.code(0x1c, endOfCaption)
	s.code(0x14, erase)
	s.pause(5)
	// Rows that roll up.
	s.code(0x14, rollUp2)
	s.code(0x14, carriageReturn)
	s.code(0x14, 0x70)
	s.say("first row")
	s.code(0x14, carriageReturn)
	s.say("second")
	s.code(0x14, carriageReturn)
	s.say("third ")
	s.code(0x11, 0x37) // ♪
	s.pause(10)
	s.code(0x14, erase)
	s.pause(5)
	// Painted where it is seen.
	s.code(0x14, resumeDirect)
	s.code(0x11, 0x40) // row 1
	s.say("painted")
	s.pause(10)
	s.code(0x14, erase)
	s.pause(5)
	return s
}

func video(t *testing.T) *clip.Video {
	t.Helper()
	v, err := clip.Make(t.Context(), clip.Spec{Width: 320, Height: 240, FPS: 30, Seconds: 6, BFrames: 2, GOP: 60})
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// read is what a Reader makes of units.
func read(units []*media.Unit, takeEvery int) (all []captions.Cue) {
	var r captions.Reader
	for i, u := range units {
		r.Add(media.H264, u)
		if takeEvery > 0 && i%takeEvery == takeEvery-1 {
			all = append(all, r.Take(u.DTS)...)
		}
	}
	return append(all, r.Take(math.MaxInt64)...)
}

// steady are the texts that stood for a while, in their order: not those that were being written.
func steady(cues []captions.Cue) (texts []string) {
	for i, c := range cues {
		if i+1 < len(cues) && strings.HasPrefix(cues[i+1].Text, c.Text) {
			continue
		}
		texts = append(texts, c.Text)
	}
	return texts
}

func TestProgramme(t *testing.T) {
	t.Parallel()
	cues := read(carry(video(t).Units, programme()), 0)
	want := []string{
		"Good evening, seÉ\nand <welcome> & more",
		"first row\nsecond", "second\nthird ♪",
		"painted",
	}
	if got := steady(cues); !slices.Equal(got, want) {
		t.Errorf("read %q\nwanted %q", got, want)
	}
	for i, c := range cues {
		if c.End <= c.Start || i > 0 && c.Start < cues[i-1].End {
			t.Errorf("cue %d: %+v", i, c)
		}
	}
	// 29 pairs come before the first caption shows: a picture each.
	if at := cues[0].Start; at < 20*3000 || at > 40*3000 {
		t.Errorf("the first cue begins at picture %d", at/3000)
	}
}

// TestCut: what is taken in pieces is the same, cut where it was taken.
func TestCut(t *testing.T) {
	t.Parallel()
	units := carry(video(t).Units, programme())
	whole, pieces := read(units, 0), read(units, 7)
	var joined []captions.Cue
	for _, c := range pieces {
		if n := len(joined); n > 0 && joined[n-1].End == c.Start && strings.HasPrefix(c.Text, joined[n-1].Text) {
			joined[n-1].End, joined[n-1].Text = c.End, c.Text
			continue
		}
		joined = append(joined, c)
	}
	if a, b := steady(whole), steady(joined); !slices.Equal(a, b) {
		t.Errorf("whole %q\nin pieces %q", a, b)
	}
	if len(pieces) <= len(whole) {
		t.Errorf("%d cues in pieces, %d whole: nothing was cut", len(pieces), len(whole))
	}
}

// TestEnd: what the last pictures bring is not lost, though they are shown after what came before them.
func TestEnd(t *testing.T) {
	t.Parallel()
	const picture = 3000
	var s script
	s.code(0x14, resumeDirect)
	s.say("bye")
	var units []*media.Unit
	for i := range int64(6) { // each is shown three pictures after its turn to be decoded
		units = append(units, &media.Unit{DTS: i * picture, PTS: (i + 3) * picture})
	}
	var r captions.Reader
	for _, u := range carry(units, s) {
		r.Add(media.H264, u)
	}
	if cues := r.Take(6 * picture); len(cues) > 0 {
		t.Errorf("too soon: %+v", cues)
	}
	want := captions.Cue{Start: 5 * picture, End: 8 * picture, Text: "bye"}
	if cues := r.Take(math.MaxInt64); !slices.Equal(cues, []captions.Cue{want}) {
		t.Errorf("%+v", cues)
	}
}

// TestManyCues: whoever changes the words with every picture does not fill the memory.
func TestManyCues(t *testing.T) {
	t.Parallel()
	var s script
	s.code(0x14, resumeDirect)
	for i := range 500 {
		s = append(s, [2]byte{0x14, 0x50}, [2]byte{'a' + byte(i%26), 'a' + byte(i/26)}) // over what is there
	}
	var units []*media.Unit
	for i := range int64(len(s)) {
		units = append(units, &media.Unit{DTS: i * 3000, PTS: i * 3000})
	}
	cues := read(carry(units, s), 0)
	if n := len(cues); n != 64 || cues[n-1].End != int64(len(s)-1)*3000 {
		t.Errorf("%d cues, up to %d", n, cues[n-1].End)
	}
}

// TestLibavAgrees has FFmpeg's decoder read the same pictures.
func TestLibavAgrees(t *testing.T) {
	t.Parallel()
	units := carry(video(t).Units, programme())
	file := filepath.Join(t.TempDir(), "captions.ts")
	write(t, file, units)
	out, err := exec.CommandContext(t.Context(), "/usr/bin/ffmpeg", "-v", "error", "-f", "lavfi", "-i", "movie="+file+"[out+subcc]",
		"-map", "0:s", "-c:s", "text", "-f", "srt", "-").Output()
	if err != nil {
		t.Fatalf("ffmpeg: %v", err)
	}
	theirs := strings.ReplaceAll(string(out), "\r", "")
	for _, text := range steady(read(units, 0)) {
		if !strings.Contains(theirs, text) {
			t.Errorf("FFmpeg does not find %q in\n%s", text, theirs)
		}
	}
}

// FuzzReader: whatever pictures carry, cues are in order and not larger than a screen.
func FuzzReader(f *testing.F) {
	for _, u := range carry([]*media.Unit{{}, {PTS: 3000, DTS: 3000}}, programme()) {
		f.Add(u.Payload, false)
	}
	var whole []byte
	for _, p := range programme() {
		whole = append(whole, p[:]...)
	}
	f.Add(whole, true)
	f.Fuzz(func(t *testing.T, data []byte, bare bool) {
		var r captions.Reader
		var units []*media.Unit
		if bare { // pairs without the wrapping
			for i := 0; i+1 < len(data); i += 2 {
				pts := int64(len(units)) * 3000
				units = append(units, carry([]*media.Unit{{PTS: pts, DTS: pts}}, [][2]byte{{data[i] & 0x7f, data[i+1] & 0x7f}})...)
			}
		} else {
			units = []*media.Unit{{Payload: data}, {PTS: 1, DTS: 1, Payload: data}, {PTS: 2, DTS: 2}}
		}
		var last int64
		for _, u := range units {
			r.Add(media.H264, u)
			for _, c := range r.Take(u.PTS + 1) {
				if c.Start < last || c.End <= c.Start || c.Text == "" || len([]rune(c.Text)) > 15*33 || strings.Contains(c.Text, "\n\n") {
					t.Fatalf("%+v after %d", c, last)
				}
				last = c.End
			}
		}
	})
}

// write makes a transport stream.
func write(t *testing.T, file string, units []*media.Unit) {
	t.Helper()
	var ts bytes.Buffer
	track := &mpegts.Track{Codec: &codecs.H264{}}
	w := &mpegts.Writer{W: &ts, Tracks: []*mpegts.Track{track}}
	must(t, w.Initialize())
	for _, u := range units {
		must(t, w.WriteH264(track, u.PTS+media.VideoClockRate, u.DTS+media.VideoClockRate, slices.Collect(media.NALUs(u.Payload))))
	}
	must(t, os.WriteFile(file, ts.Bytes(), 0o600))
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
