// Package publisher pushes coded clips by RTMP, in real time and to the millisecond, and tells when it wrote which
// picture: the sending end of latency benches and tests.
package publisher

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/bluenviron/gortmplib"
	"github.com/bluenviron/gortmplib/pkg/amf0"
	"github.com/bluenviron/gortmplib/pkg/codecs"
	"github.com/bluenviron/gortmplib/pkg/message"
	"github.com/bluenviron/mediacommon/v2/pkg/codecs/h264"
	"github.com/bluenviron/mediacommon/v2/pkg/codecs/mpeg4audio"
	mp4codecs "github.com/bluenviron/mediacommon/v2/pkg/formats/mp4/codecs"
	"github.com/bluenviron/mediacommon/v2/pkg/formats/pmp4"

	"castnet/internal/media"
)

// Stream is one coded track and its units in decoding order, as package media describes them.
type Stream struct {
	Track *media.Track
	Units []*media.Unit
}

// Clip is coded material, ready to be sent.
type Clip struct {
	video, audio *gortmplib.Track
	samples      []sample      // by due time
	length       time.Duration // of the video: where a loop begins anew
}

// sample is one message. Times are from the beginning of the clip.
type sample struct {
	due, pts time.Duration // due is the decoding time
	key      bool
	sound    bool
	payload  []byte // AVCC, or AAC
}

// Load reads an MP4 file with H264 video and, if there is any, AAC audio.
func Load(ctx context.Context, file string) (*Clip, error) {
	raw, err := os.ReadFile(file) //nolint:gosec // the caller's own file
	if err != nil {
		return nil, err
	}
	var p pmp4.Presentation
	if err := p.Unmarshal(bytes.NewReader(raw)); err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	var c Clip
	for _, t := range p.Tracks {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		switch codec := t.Codec.(type) {
		case *mp4codecs.H264:
			c.video = &gortmplib.Track{Codec: &codecs.H264{SPS: codec.SPS, PPS: codec.PPS}}
		case *mp4codecs.MPEG4Audio:
			c.audio = &gortmplib.Track{Codec: &codecs.MPEG4Audio{Config: &codec.Config}}
		default:
			return nil, fmt.Errorf("%s: codec %T cannot be sent", file, codec)
		}
		dts := int64(0)
		for _, s := range t.Samples {
			payload, err := s.GetPayload()
			if err != nil {
				return nil, fmt.Errorf("%s: %w", file, err)
			}
			c.samples = append(c.samples, sample{
				due:     duration(dts, int(t.TimeScale)),
				pts:     duration(dts+int64(s.PTSOffset), int(t.TimeScale)),
				key:     !s.IsNonSyncSample,
				sound:   !t.Codec.IsVideo(),
				payload: payload,
			})
			dts += int64(s.Duration)
		}
		if t.Codec.IsVideo() {
			c.length = duration(dts, int(t.TimeScale))
		}
	}
	return c.ready()
}

// New makes a clip of H264 video and, where it is not nil, AAC audio.
func New(video Stream, audio *Stream) (*Clip, error) {
	var c Clip
	n := len(video.Units)
	if n < 2 {
		return nil, errors.New("a clip needs two pictures or more")
	}
	var sets h264.AnnexB
	if err := sets.Unmarshal(video.Track.Config); err != nil || len(sets) != 2 {
		return nil, fmt.Errorf("a clip needs one SPS and one PPS, has %d NAL units: %w", len(sets), err)
	}
	c.video = &gortmplib.Track{Codec: &codecs.H264{SPS: sets[0], PPS: sets[1]}}
	first := video.Units[0].DTS
	low, high := video.Units[0].PTS, video.Units[0].PTS
	for _, u := range video.Units {
		var au h264.AnnexB
		if err := au.Unmarshal(u.Payload); err != nil {
			return nil, err
		}
		payload, err := h264.AVCC(au).Marshal()
		if err != nil {
			return nil, err
		}
		low, high = min(low, u.PTS), max(high, u.PTS)
		c.samples = append(c.samples, sample{
			due:     duration(u.DTS-first, video.Track.ClockRate),
			pts:     duration(u.PTS-first, video.Track.ClockRate),
			key:     u.Key,
			payload: payload,
		})
	}
	c.length = duration(media.Rescale(high-low, int64(n-1), int64(n)), video.Track.ClockRate)
	if audio == nil {
		return c.ready()
	}
	var config mpeg4audio.AudioSpecificConfig
	if err := config.Unmarshal(audio.Track.Config); err != nil {
		return nil, err
	}
	c.audio = &gortmplib.Track{Codec: &codecs.MPEG4Audio{Config: &config}}
	for _, u := range audio.Units {
		at := duration(u.PTS-audio.Units[0].PTS, audio.Track.ClockRate)
		c.samples = append(c.samples, sample{due: at, pts: at, sound: true, payload: u.Payload})
	}
	return c.ready()
}

func duration(ticks int64, rate int) time.Duration {
	return time.Duration(media.Rescale(ticks, int64(rate), int64(time.Second)))
}

// ready puts the samples in the order of sending; sound that is longer than the picture is left out.
func (c *Clip) ready() (*Clip, error) {
	if c.video == nil || c.length <= 0 {
		return nil, errors.New("the clip has no video")
	}
	c.samples = slices.DeleteFunc(c.samples, func(s sample) bool { return s.sound && s.due >= c.length })
	slices.SortStableFunc(c.samples, func(a, b sample) int { return cmp.Compare(a.due, b.due) })
	return c, nil
}

// Length is how long the clip plays before it loops.
func (c *Clip) Length() time.Duration { return c.length }

// Options says how to push.
type Options struct {
	// VideoOnly leaves the sound out.
	VideoOnly bool
	// For ends the push after so much media, looping the clip; 0 plays the clip once.
	For time.Duration
	// OnSent is called for each picture just before its bytes go to the socket, with its PTS on the 90 kHz clock as
	// the receiver will see it (RTMP carries whole milliseconds), and the time.
	OnSent func(pts int64, at time.Time)
}

// Refused is returned by Push where the server sent an error status.
//
//nolint:errname // what happened, in one word
type Refused struct {
	// Code and Description are what the server said: "NetStream.Publish.Rejected", and why.
	Code, Description string
}

func (r *Refused) Error() string { return r.Code + ": " + r.Description }

// Push publishes the clip to rtmp://host/live/KEY in real time: each picture is written at its decoding time, against
// the monotonic clock, so that errors do not add up. It ends with a goodbye; a cancelled ctx cuts the connection
// without one, as a publisher that dies does, and returns ctx's error.
func (c *Clip) Push(ctx context.Context, address string, o Options) error {
	target, err := url.Parse(address)
	if err != nil {
		return err
	}
	app, key, ok := strings.Cut(strings.Trim(target.Path, "/"), "/")
	if !ok {
		return fmt.Errorf("%s: want rtmp://host/app/key", address)
	}
	target.Path, target.Fragment = "/"+app, key // how the library is told the key
	client := &gortmplib.Client{URL: target, Publish: true}
	if err := client.Initialize(ctx); err != nil {
		return fmt.Errorf("publish to %s: %w", target.Host, err)
	}
	ctx, cancel := context.WithCancelCause(ctx)
	heard := make(chan struct{})
	go func() { // the server speaks only to refuse
		defer close(heard)
		cancel(listen(client))
	}()
	stop := context.AfterFunc(ctx, client.Close)
	err = c.send(ctx, client, o)
	if err == nil {
		err = goodbye(client, heard)
	}
	if stop() {
		client.Close()
	}
	<-heard
	var refused *Refused
	if cause := context.Cause(ctx); err != nil && (errors.As(cause, &refused) || ctx.Err() != nil) {
		return cause
	}
	return err
}

// goodbye ends the stream, and waits until the server has closed the connection, so that nothing is cut off.
func goodbye(client *gortmplib.Client, heard <-chan struct{}) error {
	err := client.Write(&message.CommandAMF0{
		ChunkStreamID: 3, Name: "deleteStream", CommandID: 6, Arguments: amf0.Data{nil, float64(1)},
	})
	if err != nil {
		return err
	}
	select {
	case <-heard:
	case <-time.After(time.Second):
	}
	return nil
}

// listen reads what the server says until it refuses, or the connection ends.
func listen(client *gortmplib.Client) error {
	for {
		msg, err := client.Read()
		if err != nil {
			return err
		}
		command, ok := msg.(*message.CommandAMF0)
		if !ok || command.Name != "onStatus" || len(command.Arguments) < 2 {
			continue
		}
		info, ok := command.Arguments[1].(amf0.Object)
		if !ok {
			continue
		}
		if level, _ := info.GetString("level"); level == "error" {
			r := &Refused{}
			r.Code, _ = info.GetString("code")
			r.Description, _ = info.GetString("description")
			return r
		}
	}
}

func (c *Clip) send(ctx context.Context, client *gortmplib.Client, o Options) error {
	tracks := []*gortmplib.Track{c.video}
	if c.audio != nil && !o.VideoOnly {
		tracks = append(tracks, c.audio)
	}
	w := &gortmplib.Writer{Conn: client, Tracks: tracks}
	if err := w.Initialize(); err != nil {
		return err
	}
	limit := o.For
	if limit == 0 {
		limit = c.length
	}
	timer := time.NewTimer(0)
	defer timer.Stop()
	<-timer.C
	start := time.Now()
	for base := time.Duration(0); base < limit; base += c.length {
		for _, s := range c.samples {
			if s.sound && len(tracks) == 1 {
				continue
			}
			due := base + s.due
			if due >= limit {
				return nil
			}
			timer.Reset(time.Until(start.Add(due)))
			select {
			case <-timer.C:
			case <-ctx.Done():
				return ctx.Err()
			}
			if err := s.write(client, base, o.OnSent); err != nil {
				return err
			}
		}
	}
	return nil
}

// write sends one sample, base after its time.
func (s sample) write(client *gortmplib.Client, base time.Duration, sent func(pts int64, at time.Time)) error {
	const stream = 0x1000000 // message stream 1, little endian
	dts, pts := (base + s.due).Round(time.Millisecond), (base + s.pts).Round(time.Millisecond)
	if s.sound {
		return client.Write(&message.Audio{
			ChunkStreamID: message.AudioChunkStreamID, MessageStreamID: stream, DTS: dts,
			Codec: message.CodecMPEG4Audio, Rate: message.AudioRate44100, Depth: message.AudioDepth16, IsStereo: true,
			AACType: message.AudioAACTypeAU, AU: s.payload,
		})
	}
	if sent != nil {
		sent(pts.Milliseconds()*(media.VideoClockRate/1000), time.Now())
	}
	return client.Write(&message.Video{
		ChunkStreamID: message.VideoChunkStreamID, MessageStreamID: stream, DTS: dts, PTSDelta: pts - dts,
		Codec: message.CodecH264, IsKeyFrame: s.key, Type: message.VideoTypeAU, AU: s.payload,
	})
}
