// Package clip makes coded test material from natural camera pictures: the clips of Debian's opencv-doc package,
// encoded by the ffmpeg command line, cached outside the tree.
package clip

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"castnet/internal/media"
)

// source is a hand that moves a box before a shelf, filmed by a phone: 640x480, 29.97 pictures a second, 15 s.
// sound is a cup on a table with the room's noise: AAC, 48 kHz stereo, 8 s.
const (
	source = "/usr/share/doc/opencv-doc/opencv4/html/box.mp4.gz"
	sound  = "/usr/share/doc/opencv-doc/opencv4/html/cup.mp4.gz"

	version = "1 " // of what this package makes: part of the cache's keys
)

// Spec says what video to make.
type Spec struct {
	Width, Height int
	FPS           int
	Seconds       int
	// BFrames is the number of consecutive B-frames; the track's Reorder follows from it.
	BFrames int
	// GOP is the distance of key pictures.
	GOP int
	// Bitrate in bits a second; 0 lets x264's default quality decide.
	Bitrate int
}

// Video is a coded H264 stream and the file that it was split from.
type Video struct {
	Track *media.Track
	// Units are in decoding order; PTS and DTS on the 90 kHz clock, the first PTS is 0 or a little above.
	Units []*media.Unit
	// File is the same stream in an MP4 file, for the ffmpeg command line.
	File string
}

// Make returns a natural video. The first call for a spec takes some seconds; later ones read the cache.
func Make(ctx context.Context, s Spec) (*Video, error) {
	dir, err := cached(ctx, fmt.Sprintf("video %+v", s), func(dir string) error { return encode(ctx, s, dir) })
	if err != nil {
		return nil, err
	}
	raw, err := fs.ReadFile(os.DirFS(dir), "video.h264")
	if err != nil {
		return nil, err
	}
	list, err := fs.ReadFile(os.DirFS(dir), "packets")
	if err != nil {
		return nil, err
	}
	v := &Video{File: filepath.Join(dir, "video.mp4")}
	if v.Units, err = split(raw, list); err != nil {
		return nil, err
	}
	v.Track = &media.Track{
		Codec: media.H264, ClockRate: media.VideoClockRate, Width: s.Width, Height: s.Height, FrameRate: float64(s.FPS),
	}
	switch {
	case s.BFrames > 1:
		v.Track.Reorder = 2 // x264 uses B-frames as references
	case s.BFrames == 1:
		v.Track.Reorder = 1
	}
	for _, nal := range nals(v.Units[0].Payload) {
		if t := nal[0] & 31; t == 7 || t == 8 { // sequence and picture parameter sets
			v.Track.Config = append(append(v.Track.Config, 0, 0, 0, 1), nal...)
		}
	}
	return v, nil
}

func encode(ctx context.Context, s Spec, dir string) error {
	in, err := unpack(source, dir)
	if err != nil {
		return err
	}
	defer func() { _ = os.Remove(in) }()
	mp4 := filepath.Join(dir, "video.mp4")
	args := []string{
		"-stream_loop", "-1", "-i", in, "-an", "-t", strconv.Itoa(s.Seconds),
		"-vf", fmt.Sprintf("fps=%d,scale=%d:%d:flags=bicubic,setsar=1,format=yuv420p", s.FPS, s.Width, s.Height),
		"-c:v", "libx264", "-preset", "veryfast", "-bf", strconv.Itoa(s.BFrames), "-g", strconv.Itoa(s.GOP),
		"-keyint_min", strconv.Itoa(s.GOP), "-sc_threshold", "0", "-video_track_timescale", "90000",
	}
	if s.Bitrate > 0 {
		rate := strconv.Itoa(s.Bitrate)
		args = append(args, "-b:v", rate, "-maxrate", rate, "-bufsize", rate)
	}
	if err := ffmpeg(ctx, append(args, mp4)...); err != nil {
		return err
	}
	// The same packets twice over: their bytes, and where each begins.
	annexB := []string{"-i", mp4, "-c", "copy", "-bsf:v", "h264_mp4toannexb", "-f"}
	if err := ffmpeg(ctx, append(annexB, "framemd5", filepath.Join(dir, "packets"))...); err != nil {
		return err
	}
	return ffmpeg(ctx, append(annexB, "h264", filepath.Join(dir, "video.h264"))...)
}

// Audio is a coded AAC stream.
type Audio struct {
	Track *media.Track
	Units []*media.Unit
	File  string // the same stream in an MP4 file
}

// MakeAudio returns a natural sound of at most 8 s as AAC of the given sample rate, in stereo.
func MakeAudio(ctx context.Context, rate int) (*Audio, error) {
	return makeAudio(ctx, fmt.Sprintf("audio %d", rate), rate, func(dir string) ([]string, error) {
		in, err := unpack(sound, dir)
		return []string{"-i", in, "-vn"}, err
	})
}

// MakeBeep returns 3 s of 48 kHz AAC in stereo: silence, but for a tone that begins at a time.
func MakeBeep(ctx context.Context, at time.Duration) (*Audio, error) {
	return makeAudio(ctx, fmt.Sprintf("beep %v", at), 48_000, func(string) ([]string, error) {
		tone := fmt.Sprintf("aevalsrc='0.5*sin(2*PI*1000*t)*gte(t,%g)':s=48000:d=3", at.Seconds())
		return []string{"-f", "lavfi", "-i", tone}, nil
	})
}

// MakeTone returns a tone as 48 kHz AAC in stereo.
func MakeTone(ctx context.Context, hz int, length time.Duration) (*Audio, error) {
	return makeAudio(ctx, fmt.Sprintf("tone %d %v", hz, length), 48_000, func(string) ([]string, error) {
		return []string{"-f", "lavfi", "-i", fmt.Sprintf("sine=frequency=%d:sample_rate=48000:duration=%g", hz, length.Seconds())}, nil
	})
}

func makeAudio(ctx context.Context, key string, rate int, input func(dir string) ([]string, error)) (*Audio, error) {
	dir, err := cached(ctx, key, func(dir string) error {
		in, err := input(dir)
		if err != nil {
			return err
		}
		defer func() { _ = os.Remove(filepath.Join(dir, "source.mp4")) }()
		mp4 := filepath.Join(dir, "audio.mp4")
		args := append(in, "-c:a", "aac", "-b:a", "128k", "-ar", strconv.Itoa(rate), "-ac", "2", mp4)
		if err := run(ctx, system, args...); err != nil {
			return err
		}
		return ffmpeg(ctx, "-i", mp4, "-c", "copy", "-f", "adts", filepath.Join(dir, "audio.adts"))
	})
	if err != nil {
		return nil, err
	}
	raw, err := fs.ReadFile(os.DirFS(dir), "audio.adts")
	if err != nil {
		return nil, err
	}
	a := &Audio{
		Track: &media.Track{Codec: media.AAC, ClockRate: rate, Channels: 2},
		File:  filepath.Join(dir, "audio.mp4"),
	}
	return a, a.split(raw)
}

// split cuts an ADTS stream into units.
func (a *Audio) split(raw []byte) error {
	const headerBytes = 7 // ISO/IEC 13818-7, 6.2, without CRC
	for n := int64(0); len(raw) >= headerBytes; n++ {
		size := int(raw[3]&3)<<11 | int(raw[4])<<3 | int(raw[5])>>5
		if size < headerBytes || size > len(raw) {
			return errors.New("not ADTS")
		}
		if a.Track.Config == nil { // AAC-LC, the header's sampling frequency index, two channels
			index := raw[2] >> 2 & 15
			a.Track.Config = []byte{2<<3 | index>>1, index<<7 | 2<<3}
		}
		a.Units = append(a.Units, &media.Unit{PTS: n * 1024, DTS: n * 1024, Key: true, Payload: raw[headerBytes:size]})
		raw = raw[size:]
	}
	return nil
}

// split cuts an Annex B stream into units by ffmpeg's list of packets: stream, dts, pts, duration, size, hash.
func split(raw, list []byte) ([]*media.Unit, error) {
	var units []*media.Unit
	lines := bufio.NewScanner(bytes.NewReader(list))
	for lines.Scan() {
		fields := strings.Split(lines.Text(), ",")
		if strings.HasPrefix(lines.Text(), "#") || len(fields) != 6 {
			continue
		}
		var n [5]int64
		for i := range n {
			v, err := strconv.ParseInt(strings.TrimSpace(fields[i]), 10, 64)
			if err != nil {
				return nil, fmt.Errorf("ffmpeg's packet list: %w", err)
			}
			n[i] = v
		}
		size := int(n[4])
		if size > len(raw) {
			return nil, errors.New("ffmpeg's packet list is longer than its stream")
		}
		units = append(units, unit(n[1], n[2], raw[:size]))
		raw = raw[size:]
	}
	if len(raw) > 0 || len(units) == 0 {
		return nil, fmt.Errorf("ffmpeg's packet list leaves %d bytes over after %d packets", len(raw), len(units))
	}
	return units, nil
}

// unit brings one access unit into the form of media.Unit: 4-byte start codes, no delimiter.
func unit(dts, pts int64, raw []byte) *media.Unit {
	u := &media.Unit{PTS: pts, DTS: dts}
	for _, nal := range nals(raw) {
		switch nal[0] & 31 {
		case 9: // access unit delimiter
			continue
		case 5: // slice of an IDR picture
			u.Key = true
		}
		u.Payload = append(append(u.Payload, 0, 0, 0, 1), nal...)
	}
	return u
}

// nals splits an Annex B access unit.
func nals(au []byte) [][]byte {
	var out [][]byte
	for nal := range bytes.SplitSeq(au, []byte{0, 0, 1}) {
		if nal = bytes.TrimRight(nal, "\x00"); len(nal) > 0 {
			out = append(out, nal)
		}
	}
	return out
}

// cached returns the folder that make has filled for this key, by this call or an earlier one.
func cached(ctx context.Context, key string, fill func(dir string) error) (string, error) {
	if err := ctx.Err(); err != nil {
		return "", err
	}
	root, err := os.UserCacheDir()
	if err != nil {
		return "", fmt.Errorf("no cache folder for test clips: %w", err)
	}
	root = filepath.Join(root, "castnet", "clips")
	dir := filepath.Join(root, fmt.Sprintf("%x", sha256.Sum256([]byte(version+key)))[:16])
	if _, err := os.Stat(dir); err == nil {
		return dir, nil
	}
	if err := os.MkdirAll(root, 0o750); err != nil {
		return "", err
	}
	work, err := os.MkdirTemp(root, "making-")
	if err != nil {
		return "", err
	}
	defer func() { _ = os.RemoveAll(work) }()
	if err := fill(work); err != nil {
		return "", err
	}
	if err := os.Rename(work, dir); err != nil {
		if _, there := os.Stat(dir); there != nil { // else another process was faster
			return "", err
		}
	}
	return dir, nil
}

func unpack(gz, dir string) (string, error) {
	in, err := os.Open(gz) //nolint:gosec // one of the two constants
	if err != nil {
		return "", fmt.Errorf("no test clip (install Debian's opencv-doc): %w", err)
	}
	defer func() { _ = in.Close() }()
	r, err := gzip.NewReader(in)
	if err != nil {
		return "", err
	}
	out, err := os.Create(filepath.Join(dir, "source.mp4")) //nolint:gosec // in the cache
	if err != nil {
		return "", err
	}
	defer func() { _ = out.Close() }()
	if _, err := io.Copy(out, io.LimitReader(r, 64<<20)); err != nil {
		return "", err
	}
	return out.Name(), out.Close()
}

func ffmpeg(ctx context.Context, args ...string) error { return run(ctx, "ffmpeg", args...) }

func run(ctx context.Context, program string, args ...string) error {
	args = append([]string{"-hide_banner", "-loglevel", "error", "-y"}, args...)
	cmd := exec.CommandContext(ctx, program, args...) //nolint:gosec // arguments from a spec's numbers
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%s %s: %w: %s", program, strings.Join(args, " "), err, out)
	}
	return nil
}
