package demo

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"slices"

	"github.com/bluenviron/mediacommon/v2/pkg/codecs/h264"
	mp4codecs "github.com/bluenviron/mediacommon/v2/pkg/formats/mp4/codecs"
	"github.com/bluenviron/mediacommon/v2/pkg/formats/pmp4"

	"castnet/internal/media"
)

// maxFile bounds a clip's file: it is held in memory.
const maxFile = 512 << 20

// Load reads an MP4 file with H264 video and, if there is any, AAC sound.
func Load(file string) (*Clip, error) {
	info, err := os.Stat(file)
	if err != nil {
		return nil, err
	}
	if info.Size() > maxFile {
		return nil, fmt.Errorf("%s has %d MiB: allowed are %d, because the clip is held in memory", file, info.Size()>>20, maxFile>>20)
	}
	raw, err := os.ReadFile(file) //nolint:gosec // the caller's own file
	if err != nil {
		return nil, err
	}
	c, err := parse(raw)
	if err != nil {
		return nil, fmt.Errorf("%s: %w (ffmpeg -i IN -c:v libx264 -bf 0 -g 60 -c:a aac OUT.mp4 makes a file that can be played)", file, err)
	}
	return c, nil
}

func parse(raw []byte) (*Clip, error) {
	var p pmp4.Presentation
	if err := p.Unmarshal(bytes.NewReader(raw)); err != nil {
		return nil, fmt.Errorf("cannot read this MP4: %w", err)
	}
	var video, audio *Stream
	for _, t := range p.Tracks {
		var err error
		switch codec := t.Codec.(type) {
		case *mp4codecs.H264:
			if video == nil {
				video, err = pictures(t, codec)
			}
		case *mp4codecs.MPEG4Audio:
			if audio == nil {
				audio, err = sounds(t, codec)
			}
		default:
			err = fmt.Errorf("a track of type %T: allowed are H264 and AAC", codec)
		}
		if err != nil {
			return nil, err
		}
	}
	if video == nil {
		return nil, errors.New("no H264 video in this MP4")
	}
	return New(*video, audio)
}

func pictures(t *pmp4.Track, codec *mp4codecs.H264) (*Stream, error) {
	var sps h264.SPS
	if err := sps.Unmarshal(codec.SPS); err != nil {
		return nil, fmt.Errorf("the video's configuration: %w", err)
	}
	s := &Stream{Track: &media.Track{
		Codec: media.H264, ClockRate: media.VideoClockRate, Config: annexB(codec.SPS, codec.PPS),
		Width: sps.Width(), Height: sps.Height(), FrameRate: sps.FPS(),
	}}
	err := s.read(t, func(avcc []byte) ([]byte, bool, error) {
		var au h264.AVCC
		if err := au.Unmarshal(avcc); err != nil {
			return nil, false, err
		}
		is := func(t h264.NALUType) func([]byte) bool {
			return func(nalu []byte) bool { return h264.NALUType(nalu[0]&0x1f) == t }
		}
		key := h264.IsRandomAccess(au)
		nalus := slices.DeleteFunc([][]byte(au), is(h264.NALUTypeAccessUnitDelimiter))
		if key && !slices.ContainsFunc(nalus, is(h264.NALUTypeSPS)) {
			nalus = append([][]byte{codec.SPS, codec.PPS}, nalus...)
		}
		return annexB(nalus...), key, nil
	})
	return s, err
}

func sounds(t *pmp4.Track, codec *mp4codecs.MPEG4Audio) (*Stream, error) {
	config, err := codec.Config.Marshal()
	if err != nil {
		return nil, fmt.Errorf("the sound's configuration: %w", err)
	}
	s := &Stream{Track: &media.Track{
		Codec: media.AAC, ClockRate: codec.Config.SampleRate, Config: config, Channels: int(codec.Config.ChannelConfig),
	}}
	return s, s.read(t, func(packet []byte) ([]byte, bool, error) { return packet, true, nil })
}

// read makes a track's samples into units, on the stream's clock.
func (s *Stream) read(t *pmp4.Track, convert func([]byte) (payload []byte, key bool, err error)) error {
	from, to := int64(t.TimeScale), int64(s.Track.ClockRate)
	dts := int64(0)
	for i, sample := range t.Samples {
		if sample.PayloadSize > media.MaxUnitBytes {
			return fmt.Errorf("sample %d: %w", i, media.ErrUnitTooLarge)
		}
		raw, err := sample.GetPayload()
		if err != nil {
			return fmt.Errorf("sample %d: %w", i, err)
		}
		u := &media.Unit{DTS: media.Rescale(dts, from, to), PTS: media.Rescale(dts+int64(sample.PTSOffset), from, to)}
		if u.Payload, u.Key, err = convert(raw); err != nil {
			return fmt.Errorf("sample %d: %w", i, err)
		}
		s.Units = append(s.Units, u)
		dts += int64(sample.Duration)
	}
	return nil
}

// annexB joins NAL units with 4-byte start codes.
func annexB(nalus ...[]byte) []byte {
	var b []byte
	for _, nalu := range nalus {
		b = append(binary.BigEndian.AppendUint32(b, 1), nalu...)
	}
	return b
}
