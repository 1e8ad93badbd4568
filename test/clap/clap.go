// Package clap makes a film that can be checked after any journey, and checks it: every picture carries its number, and
// once a second a flash and a beep begin together, as a clapperboard's picture and sound do.
package clap

import (
	"bufio"
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
)

// The picture is a grid of cells, 12 wide and 9 high. The first two rows are the picture's number in black and white, the
// highest of ten bits first, between a white cell and a black one, which tell what white and black have become. A flash
// fills the rows below the fourth; else they are dark, with a grey bar that moves, so that encoders have something to do.
const (
	columns, rows = 12, 9
	bits          = columns - 2
	numberRows    = 2
	flashFrom     = 4

	white, grey, dark, black = 235, 110, 40, 16 // luma
)

// system is the distribution's ffmpeg.
const system = "/usr/bin/ffmpeg"

// SampleRate is that of every film's sound, in two channels.
const SampleRate = 48_000

const (
	flashLength = 100 * time.Millisecond
	beepHertz   = 1000
	beepLevel   = math.MaxInt16 * 4 / 10 // amplitude
)

// Film says what to make.
type Film struct {
	Width, Height, FPS int
	// Pictures is at most 1024, the numbers that a picture can carry.
	Pictures int
}

// Numbers are those of all pictures.
func (f Film) Numbers() []int {
	all := make([]int, f.Pictures)
	for n := range all {
		all[n] = n
	}
	return all
}

// Length is how long it plays.
func (f Film) Length() time.Duration {
	return time.Duration(f.Pictures) * time.Second / time.Duration(f.FPS)
}

// flash reports whether picture n is white: the first ones of the second half of every second, so that a film neither
// begins nor ends with a flash.
func (f Film) flash(n int) bool {
	since := n%f.FPS - f.FPS/2
	return since >= 0 && since < int(flashLength.Seconds()*float64(f.FPS))
}

// Encode writes the film into a file by an ffmpeg, with the encoders' arguments.
func (f Film) Encode(ctx context.Context, file string, encoders ...string) error {
	if f.Pictures > 1<<bits || f.FPS%2 != 0 {
		return fmt.Errorf("a film of %d pictures, %d a second: at most %d, and an even number a second", f.Pictures, f.FPS, 1<<bits)
	}
	sound := file + ".pcm"
	if err := os.WriteFile(sound, f.sound(), 0o600); err != nil {
		return err
	}
	defer func() { _ = os.Remove(sound) }()
	rate, size := strconv.Itoa(f.FPS), fmt.Sprintf("%dx%d", f.Width, f.Height)
	args := append([]string{
		"-v", "error", "-y", "-f", "rawvideo", "-pix_fmt", "gray", "-s", size, "-r", rate, "-i", "pipe:0",
		"-f", "s16le", "-ar", strconv.Itoa(SampleRate), "-ac", "2", "-i", sound, "-map", "0:v", "-map", "1:a", "-pix_fmt", "yuv420p",
	}, append(encoders, file)...)
	cmd := exec.CommandContext(ctx, system, args...) //nolint:gosec // a test's own arguments
	var pictures bytes.Buffer
	for n := range f.Pictures {
		pictures.Write(f.picture(n))
	}
	cmd.Stdin = &pictures
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("ffmpeg %s: %w: %s", strings.Join(encoders, " "), err, out)
	}
	return nil
}

// picture is the luma of picture n.
func (f Film) picture(n int) []byte {
	out := make([]byte, f.Width*f.Height)
	for y := range f.Height {
		row := y * rows / f.Height
		for x := range f.Width {
			level := byte(dark)
			switch column := x * columns / f.Width; {
			case row < numberRows:
				level = numberCell(n, column)
			case row >= flashFrom && f.flash(n):
				level = white
			case column == n/2%columns:
				level = grey
			}
			out[y*f.Width+x] = level
		}
	}
	return out
}

func numberCell(n, column int) byte {
	switch {
	case column == 0:
		return white
	case column == columns-1, n>>(bits-column)&1 == 0:
		return black
	default:
		return white
	}
}

// sound is the whole film's, 16 bits, little-endian.
func (f Film) sound() []byte {
	samples := int(f.Length().Seconds() * SampleRate)
	out := make([]byte, 0, 4*samples)
	for i := range samples {
		level := 0.0
		if f.flash(i * f.FPS / SampleRate) {
			level = beepLevel * math.Sin(2*math.Pi*beepHertz*float64(i)/SampleRate)
		}
		s := uint16(int16(level)) // two's complement
		out = binary.LittleEndian.AppendUint16(binary.LittleEndian.AppendUint16(out, s), s)
	}
	return out
}

// Seen is what arrived of a film.
type Seen struct {
	// Codec is ffprobe's name of the pictures' codec; Width and Height are their size.
	Codec         string
	Width, Height int
	// Numbers are the pictures' in the order of showing.
	Numbers []int
	// Flashes and Beeps are when they began, and End when the sound ends, in seconds on one clock.
	Flashes, Beeps []float64
	End            float64
	// Last is when the last picture begins, on the same clock.
	Last float64
}

// Offsets are how much later than its flash each beep began (negative: earlier), for flashes that have one within half a
// second. The first second is left out where a player began inside it.
func (s *Seen) Offsets() []time.Duration {
	var all []time.Duration
	for _, flash := range s.Flashes {
		for _, beep := range s.Beeps {
			if d := beep - flash; math.Abs(d) < 0.5 {
				all = append(all, time.Duration(d*float64(time.Second)))
			}
		}
	}
	return all
}

// Read decodes the video stream of a file with the given number among its video streams, and its first sound.
func Read(ctx context.Context, file string, video int) (*Seen, error) {
	dir, err := os.MkdirTemp("", "clap-")
	if err != nil {
		return nil, err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	at := func(name string) string { return filepath.Join(dir, name) }
	const scale = 4 // pixels of a cell
	graph := fmt.Sprintf("[0:v:%d]scale=%d:%d:flags=area,format=gray,split[v][vt];[0:a:0]aresample=%d,aformat=s16:channel_layouts=mono,asplit[a][at]",
		video, columns*scale, rows*scale, SampleRate)
	// Strict, the decoder waits as long for late pictures as the codec allows, and drops none.
	cmd := exec.CommandContext(ctx, system, "-v", "error", "-strict", "strict", "-copyts", "-i", file, "-filter_complex", graph, //nolint:gosec // a test's own file
		"-map", "[v]", "-fps_mode", "passthrough", "-f", "rawvideo", at("v"), "-map", "[vt]", "-fps_mode", "passthrough", "-f", "framecrc", at("vt"),
		"-map", "[a]", "-f", "s16le", at("a"), "-map", "[at]", "-f", "framecrc", at("at"))
	if out, err := cmd.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("decode %s: %w: %s", file, err, out)
	}
	var s Seen
	probe := exec.CommandContext(ctx, "/usr/bin/ffprobe", "-v", "error", "-select_streams", fmt.Sprintf("v:%d", video), //nolint:gosec // the same
		"-show_entries", "stream=codec_name,width,height", "-of", "default=nw=1:nk=1", file)
	out, err := probe.Output()
	if err != nil {
		return nil, fmt.Errorf("ffprobe %s: %w", file, err)
	}
	if _, err := fmt.Sscan(string(out), &s.Codec, &s.Width, &s.Height); err != nil {
		return nil, fmt.Errorf("ffprobe %s: %q: %w", file, out, err)
	}
	if err := s.look(os.DirFS(dir), scale); err != nil {
		return nil, err
	}
	return &s, s.listen(os.DirFS(dir))
}

// look reads the decoded pictures.
func (s *Seen) look(dir fs.FS, scale int) error {
	raw, err := fs.ReadFile(dir, "v")
	if err != nil {
		return err
	}
	times, err := readTimes(dir, "vt")
	if err != nil {
		return err
	}
	size := columns * rows * scale * scale
	if len(raw) != size*len(times) {
		return fmt.Errorf("%d pictures have %d bytes", len(times), len(raw))
	}
	before := true // a film that one joins in a flash has missed its beginning
	for i, t := range times {
		cell := func(column, row int) int { // the middle four pixels
			sum, from := 0, (row*scale+1)*columns*scale+column*scale+1
			for _, at := range []int{0, 1, columns * scale, columns*scale + 1} {
				sum += int(raw[i*size+from+at])
			}
			return sum / 4
		}
		threshold := (cell(0, 0) + cell(columns-1, 0)) / 2
		n := 0
		for column := 1; column <= bits; column++ {
			n <<= 1
			if cell(column, 0) > threshold {
				n |= 1
			}
		}
		s.Numbers = append(s.Numbers, n)
		flash := cell(columns/2, rows-2) > threshold && cell(1, rows-2) > threshold
		if flash && !before {
			s.Flashes = append(s.Flashes, t.at)
		}
		before, s.Last = flash, t.at
	}
	return nil
}

// listen finds where beeps begin: a millisecond that is loud after a tenth of a second that isn't.
func (s *Seen) listen(dir fs.FS) error {
	raw, err := fs.ReadFile(dir, "a")
	if err != nil {
		return err
	}
	times, err := readTimes(dir, "at")
	if err != nil {
		return err
	}
	const window, silence = SampleRate / 1000, 0.1
	const loud = beepLevel / 3
	heard := times[0].at // when it was loud last: who joins in a beep has missed its beginning
	for _, t := range times {
		n := min(2*t.length, len(raw))
		samples := raw[:n]
		raw = raw[n:]
		for i := 0; 2*(i+window) <= len(samples); i += window {
			peak := 0
			for j := range window {
				v := int(int16(binary.LittleEndian.Uint16(samples[2*(i+j):]))) // two's complement
				peak = max(peak, v, -v)
			}
			if peak < loud {
				continue
			}
			at := t.at + float64(i)/SampleRate
			if at-heard > silence {
				s.Beeps = append(s.Beeps, at)
			}
			heard = at
		}
		s.End = t.at + float64(t.length)/SampleRate
	}
	return nil
}

// stamp is one frame's place in time, in seconds, and how many samples it has, where it has samples.
type stamp struct {
	at     float64
	length int
}

// readTimes reads ffmpeg's list of frames: stream, dts, pts, duration, size, checksum.
func readTimes(dir fs.FS, name string) ([]stamp, error) {
	list, err := fs.ReadFile(dir, name)
	if err != nil {
		return nil, err
	}
	base := 0.0
	var all []stamp
	lines := bufio.NewScanner(bytes.NewReader(list))
	for lines.Scan() {
		var num, den float64
		if n, _ := fmt.Sscanf(lines.Text(), "#tb 0: %g/%g", &num, &den); n == 2 {
			base = num / den
		}
		fields := strings.Split(lines.Text(), ",")
		if strings.HasPrefix(lines.Text(), "#") || len(fields) < 6 {
			continue
		}
		pts, err1 := strconv.ParseInt(strings.TrimSpace(fields[2]), 10, 64)
		length, err2 := strconv.Atoi(strings.TrimSpace(fields[4]))
		if err := errors.Join(err1, err2); err != nil {
			return nil, fmt.Errorf("ffmpeg's list of frames: %w", err)
		}
		all = append(all, stamp{at: float64(pts) * base, length: length / 2})
	}
	if base == 0 || len(all) == 0 {
		return nil, errors.New("ffmpeg's list of frames is empty")
	}
	return all, nil
}

// Gaps says which of the pictures that were sent are missing from the first one seen on, and how many come twice or out of
// order.
func (s *Seen) Gaps(sent []int) (missing []int, disorder int) {
	for i, n := range s.Numbers {
		if i > 0 && n <= s.Numbers[i-1] {
			disorder++
		}
	}
	for _, n := range sent {
		if len(s.Numbers) > 0 && n >= s.Numbers[0] && !slices.Contains(s.Numbers, n) {
			missing = append(missing, n)
		}
	}
	return missing, disorder
}
