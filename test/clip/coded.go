package clip

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"

	"castnet/internal/media"
)

// system is the distribution's ffmpeg: other libraries, of another version, than those that castnet-worker links.
const system = "/usr/bin/ffmpeg"

// Coded says what video to make in any codec.
type Coded struct {
	Codec   media.Codec
	Seconds int
	// Filter is a libavfilter chain over the natural picture (640x480, 29.97 pictures a second).
	Filter string
	// Args are the encoder's: "-c:v", "libx265" …
	Args []string
}

// MakeCoded returns a natural video of any codec. Like Make, it is slow for a new one and reads the cache after.
func MakeCoded(ctx context.Context, c Coded) (*Video, error) {
	container := "video.mp4"
	if c.Codec == media.VP8 {
		container = "video.webm" // MP4 does not know it
	}
	dir, err := cached(ctx, fmt.Sprintf("coded %+v", c), func(dir string) error { return c.encode(ctx, dir, filepath.Join(dir, container)) })
	if err != nil {
		return nil, err
	}
	v := &Video{File: filepath.Join(dir, container)}
	v.Track = &media.Track{Codec: c.Codec, ClockRate: media.VideoClockRate}
	if v.Units, err = c.units(dir); err != nil {
		return nil, err
	}
	for i, u := range v.Units { // the reorder depth, as ingest finds it
		depth := 0
		for _, earlier := range v.Units[max(0, i-16):i] {
			if earlier.PTS > u.PTS {
				depth++
			}
		}
		v.Track.Reorder = max(v.Track.Reorder, depth)
	}
	if c.annexB() {
		for _, nal := range nals(v.Units[0].Payload) {
			if c.parameters(nal) {
				v.Track.Config = append(append(v.Track.Config, 0, 0, 0, 1), nal...)
			}
		}
	}
	return v, nil
}

func (c Coded) annexB() bool { return c.Codec == media.H264 || c.Codec == media.HEVC }

// parameters tells a parameter set, delimiter an access unit delimiter, by the type in a NAL unit's header.
func (c Coded) parameters(nal []byte) bool {
	if c.Codec == media.HEVC {
		t := nal[0] >> 1 & 63
		return t >= 32 && t <= 34
	}
	return nal[0]&31 == 7 || nal[0]&31 == 8
}

func (c Coded) delimiter(nal []byte) bool {
	if c.Codec == media.HEVC {
		return nal[0]>>1&63 == 35
	}
	return nal[0]&31 == 9
}

func (c Coded) encode(ctx context.Context, dir, file string) error {
	in, err := unpack(source, dir)
	if err != nil {
		return err
	}
	defer func() { _ = os.Remove(in) }()
	args := []string{"-stream_loop", "-1", "-i", in, "-an", "-t", strconv.Itoa(c.Seconds), "-vf", c.Filter, "-fps_mode", "passthrough"}
	if strings.HasSuffix(file, ".mp4") {
		args = append(args, "-video_track_timescale", "90000")
	}
	if err := run(ctx, system, append(append(args, c.Args...), file)...); err != nil {
		return err
	}
	copied := []string{"-i", file, "-map", "0:v", "-c", "copy"}
	if c.annexB() {
		copied = append(copied, "-bsf:v", strings.ToLower(c.Codec.String())+"_mp4toannexb")
	}
	// The packets' bytes, their sizes, and their times and kinds.
	if err := run(ctx, system, append(copied, "-f", "data", filepath.Join(dir, "payload"))...); err != nil {
		return err
	}
	if err := run(ctx, system, append(copied, "-f", "framemd5", filepath.Join(dir, "sizes"))...); err != nil {
		return err
	}
	probe := exec.CommandContext(ctx, "ffprobe", "-v", "error", "-select_streams", "v", //nolint:gosec // the cache's own file
		"-show_entries", "stream=time_base:packet=pts,dts,flags", "-of", "compact=p=0:nk=1", file)
	list, err := probe.Output()
	if err != nil {
		return fmt.Errorf("ffprobe %s: %w", file, err)
	}
	return os.WriteFile(filepath.Join(dir, "packets"), list, 0o600)
}

// units puts the three lists together.
func (c Coded) units(dir string) ([]*media.Unit, error) {
	payload, err := fs.ReadFile(os.DirFS(dir), "payload")
	if err != nil {
		return nil, err
	}
	sizes, err := fs.ReadFile(os.DirFS(dir), "sizes")
	if err != nil {
		return nil, err
	}
	packets, err := fs.ReadFile(os.DirFS(dir), "packets")
	if err != nil {
		return nil, err
	}
	num, den, err := timeBase(packets)
	if err != nil {
		return nil, err
	}
	var units []*media.Unit
	lines := bufio.NewScanner(bytes.NewReader(sizes))
	list := bufio.NewScanner(bytes.NewReader(packets))
	for lines.Scan() {
		fields := strings.Split(lines.Text(), ",")
		if strings.HasPrefix(lines.Text(), "#") || len(fields) != 6 {
			continue
		}
		var pts, dts int64
		var flags string
		if !list.Scan() {
			return nil, errors.New("fewer packets than sizes")
		}
		if _, err := fmt.Sscanf(strings.ReplaceAll(list.Text(), "|", " "), "%d %d %s", &pts, &dts, &flags); err != nil {
			return nil, fmt.Errorf("packet %q: %w", list.Text(), err)
		}
		size, err := strconv.Atoi(strings.TrimSpace(fields[4]))
		if err != nil || size > len(payload) {
			return nil, fmt.Errorf("packet of size %q", fields[4])
		}
		u := &media.Unit{
			PTS: media.Rescale(pts, num*media.VideoClockRate, den), DTS: media.Rescale(dts, num*media.VideoClockRate, den),
			Key: strings.HasPrefix(flags, "K"), Payload: payload[:size:size],
		}
		if c.annexB() {
			u.Payload = c.housed(u.Payload)
		}
		units = append(units, u)
		payload = payload[size:]
	}
	if len(units) == 0 {
		return nil, errors.New("no packets")
	}
	return units, nil
}

// housed brings an Annex B access unit into the form of media.Unit.
func (c Coded) housed(raw []byte) []byte {
	var out []byte
	for _, nal := range nals(raw) {
		if !c.delimiter(nal) {
			out = append(append(out, 0, 0, 0, 1), nal...)
		}
	}
	return out
}

// timeBase reads the stream's line, which comes last.
func timeBase(packets []byte) (num, den int64, err error) {
	text := strings.TrimSpace(string(packets))
	last := text[strings.LastIndexByte(text, '\n')+1:]
	if _, err := fmt.Sscanf(last, "%d/%d", &num, &den); err != nil {
		return 0, 0, fmt.Errorf("time base %q: %w", last, err)
	}
	return num, den, nil
}
