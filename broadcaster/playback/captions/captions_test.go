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

// carry puts pairs into pictures in the order of display, one each: as ATSC A/53 has them in an SEI message.
func carry(v []*media.Unit, pairs [][2]byte) []*media.Unit {
	return wrap(v, pairs, func(pair [2]byte) []byte { return sei(0xfc, odd(pair[0]), odd(pair[1])) })
}

// sei is an SEI message of H264 with one triplet.
func sei(triplet ...byte) []byte {
	message := cc(triplet...)
	return slices.Concat([]byte{0, 0, 0, 1, 6, 4, byte(len(message))}, message, []byte{0x80})
}

// cc is a message of captions, as ATSC A/53 has it.
func cc(triplets ...byte) []byte {
	message := append([]byte{0xb5, 0, 0x31, 'G', 'A', '9', '4', 3, 0x40 | byte(len(triplets)/3), 0xff}, triplets...)
	return append(message, 0xff)
}

// wrap puts something before each picture, of what is in turn in the order of display.
func wrap(v []*media.Unit, pairs [][2]byte, message func([2]byte) []byte) []*media.Unit {
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
		c.Payload = slices.Concat(message(with[u.PTS]), u.Payload)
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
	// CC2 speaks in between, in a place of its own.
	s.code(0x1c, resumeLoading)
	s.code(0x19, 0x56) // row 1, column 12
	s.say("to others")
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

// read is what a Reader makes of CC1.
func read(units []*media.Unit, takeEvery int) (all []captions.Cue) {
	var r captions.Reader
	for i, u := range units {
		r.Add(media.H264, u)
		if takeEvery > 0 && i%takeEvery == takeEvery-1 {
			all = append(all, r.Take(u.DTS)[captions.CC1]...)
		}
	}
	return append(all, r.Take(math.MaxInt64)[captions.CC1]...)
}

// steady are the texts that stood for a while, in their order: not those that were being written.
func steady(cues []captions.Cue) (texts []string) {
	for i, c := range cues {
		if i+1 < len(cues) && cues[i+1].Start == c.End && strings.HasPrefix(cues[i+1].Text, c.Text) {
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

// TestPlaces: cues are where the rows and columns of their letters were; rows apart are cues of their own.
func TestPlaces(t *testing.T) {
	t.Parallel()
	var s script
	s.code(0x14, resumeLoading)
	s.code(0x11, 0x52) // row 1, column 4
	s.say("left")
	s.code(0x14, 0x5a) // row 14, column 20
	s.say("right")
	s.code(0x14, 0x78) // row 15, column 16
	s.say("below")
	s.code(0x14, endOfCaption)
	s.pause(5)
	s.code(0x14, erase)
	var places []captions.Cue
	for _, c := range read(carry(video(t).Units, s), 0) {
		c.Start, c.End = 0, 0
		places = append(places, c)
	}
	want := []captions.Cue{{Text: "left", Row: 0, Column: 4}, {Text: "right\nbelow", Row: 13, Column: 16}}
	if !slices.Equal(places, want) {
		t.Errorf("%+v", places)
	}
}

// TestServices: each channel of both fields is read by itself, data about the programme are not; so is what CEA-708 says, in
// whatever its pictures are coded.
func TestServices(t *testing.T) {
	t.Parallel()
	speak := func(shift byte, text string) (s script) {
		s.code(0x14+shift, resumeDirect)
		s.say(text)
		return s
	}
	var second script
	second.say("\x01\x03XDS is not for us\x0f?")
	second = slices.Concat(second, speak(1, "three"), speak(9, "four"))
	second.pause(10)
	first := slices.Concat(speak(0, "one"), speak(8, "two"))
	first.pause(30)
	digital := packet(
		"\x98\x38\x3c\x00\x01\x1f\x00",                     // window 0, 2 rows of 32 columns, visible
		"Ol\xe1\x10\x25\rsecond\rthird",                    // it rolls
		"\x9a\x18\x01\x00\x00\x1f\x00gone", "\x8c\x04\x80", // window 2, above, comes and goes
		"\x91\x3f\x3f\x3f!", "\x97\x01\x02\x03\x04\x7f", // colours
	)
	for codec, message := range map[media.Codec]func(triplets []byte) []byte{
		media.H264: func(triplets []byte) []byte { return sei(triplets...) },
		media.HEVC: func(triplets []byte) []byte {
			m := cc(triplets...)
			return slices.Concat([]byte{0, 0, 0, 1, 39 << 1, 1, 4, byte(len(m))}, m, []byte{0x80})
		},
		media.AV1: func(triplets []byte) []byte {
			m := cc(triplets...)
			return slices.Concat([]byte{5<<3 | 2, byte(len(m) + 2), 4}, m, []byte{0x80})
		},
	} {
		var r captions.Reader
		for i := range int64(40) {
			var triplets []byte
			for field, pairs := range []script{first, second} {
				if int(i) < len(pairs) {
					triplets = append(triplets, 0xfc|byte(field), odd(pairs[i][0]), odd(pairs[i][1]))
				}
			}
			if n := int(i) * 2; n < len(digital) {
				kind := byte(0xfe)
				if n == 0 {
					kind = 0xff
				}
				triplets = append(triplets, kind, digital[n], digital[n+1])
			}
			r.Add(codec, &media.Unit{PTS: i * 3000, DTS: i * 3000, Payload: message(triplets)})
		}
		if found, carried := r.Found(); found != 1<<captions.Count-1 || !carried {
			t.Errorf("%v: found %b", codec, found)
		}
		cues := r.Take(math.MaxInt64)
		for service, want := range []string{"one", "two", "three", "four", "second\nthird!♪"} {
			if texts := steady(cues[service]); len(texts) != 1 || texts[0] != want {
				t.Errorf("%v, service %d: %q", codec, service, texts)
			}
		}
	}
}

// packet is one of CEA-708, with a block of service 1 for each of the texts.
func packet(blocks ...string) []byte {
	data := []byte{0}
	for _, b := range blocks {
		data = append(data, 1<<5|byte(len(b)))
		data = append(data, b...)
	}
	if len(data)%2 == 1 {
		data = append(data, 0)
	}
	data[0] = byte(len(data) / 2)
	return data
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
	if cues := r.Take(6 * picture)[captions.CC1]; len(cues) > 0 {
		t.Errorf("too soon: %+v", cues)
	}
	want := captions.Cue{Start: 5 * picture, End: 8 * picture, Text: "bye"}
	if cues := r.Take(math.MaxInt64)[captions.CC1]; !slices.Equal(cues, []captions.Cue{want}) {
		t.Errorf("%+v", cues)
	}
}

// TestManyPairs: a picture is read as far as it may carry captions, two messages of 31 pairs, and no further.
func TestManyPairs(t *testing.T) {
	t.Parallel()
	full := sei(bytes.Repeat([]byte{0xfe, 0, 0}, 31)...) // of a packet whose beginning was lost
	for before, want := range []bool{true, true, false} {
		words := sei(0xfc, 0x14, 0x29, 0xfc, 'h', 'i') // painted where it is seen
		message := append(bytes.Repeat(full, before), words...)
		cues := read([]*media.Unit{{Payload: message}, {PTS: 3000, DTS: 3000, Payload: sei(0xfc, 0, 0)}}, 0)
		if got := len(cues) > 0; got != want {
			t.Errorf("behind %d full messages: %v", before, cues)
		}
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
	whole := []byte{0}
	for _, p := range programme() {
		whole = append(whole, p[:]...)
	}
	f.Add(whole, true)
	f.Add(slices.Concat([]byte{3}, packet("\x98\x38\x3c\x00\x01\x1f\x00", "Ol\xe1\x10\x25\rsecond\rthird")), true)
	kinds := []media.Codec{media.H264, media.HEVC, media.AV1}
	f.Fuzz(func(t *testing.T, data []byte, bare bool) {
		var r captions.Reader
		var units []*media.Unit
		codec := kinds[len(data)%len(kinds)]
		if bare && len(data) > 0 { // a kind, and pairs without the wrapping
			kind := 0xfc | data[0]
			for i := 1; i+1 < len(data); i += 2 {
				pts := int64(len(units)) * 3000
				units = append(units, &media.Unit{PTS: pts, DTS: pts, Payload: sei(kind, data[i], data[i+1])})
				if kind == 0xff { // that was a packet's beginning
					kind = 0xfe
				}
			}
			codec = media.H264
		} else {
			units = []*media.Unit{{Payload: data}, {PTS: 1, DTS: 1, Payload: data}, {PTS: 2, DTS: 2}}
		}
		var last [captions.Count]captions.Cue
		for _, u := range units {
			r.Add(codec, u)
			for service, cues := range r.Take(u.PTS + 1) {
				for _, c := range cues {
					before := last[service]
					together := c.Start == before.Start && c.End == before.End
					if c.Start < before.End && !together || c.End <= c.Start || c.Text == "" || len([]rune(c.Text)) > 15*43 || strings.Contains(c.Text, "\n\n") ||
						c.Row < captions.Nowhere || c.Row >= captions.Rows || c.Column < 0 || c.Column >= captions.Columns {
						t.Fatalf("%+v after %+v", c, before)
					}
					last[service] = c
				}
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
