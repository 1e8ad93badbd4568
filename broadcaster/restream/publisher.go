package restream

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"time"

	"github.com/bluenviron/gortmplib"
	"github.com/bluenviron/gortmplib/pkg/codecs"
	"github.com/bluenviron/mediacommon/v2/pkg/codecs/av1"
	"github.com/bluenviron/mediacommon/v2/pkg/codecs/h264"
	"github.com/bluenviron/mediacommon/v2/pkg/codecs/h265"
	"github.com/bluenviron/mediacommon/v2/pkg/codecs/mpeg4audio"
	"github.com/bluenviron/mediacommon/v2/pkg/codecs/opus"

	"castnet/internal/media"
)

// How long a server may take.
const (
	dialTimeout  = 10 * time.Second // from the name look-up until it lets us publish
	writeTimeout = 10 * time.Second // for one unit, once everything between here and there is full
	closeTimeout = time.Second      // for the goodbye
)

// ErrInvalid is wrapped by what is said of an address or of tracks that can never be published.
var ErrInvalid = errors.New("cannot be published")

// Refused is the server's own word for why it does not take the stream.
//
//nolint:errname // what happened, in one word
type Refused struct {
	// Code and Description are what the server said: "NetStream.Publish.Rejected", and why.
	Code, Description string
}

// Error gives both.
func (r *Refused) Error() string { return "the server refused: " + r.Description + " (" + r.Code + ")" }

// Permanent reports whether trying again cannot help: the address or the tracks are wrong, or the server refused for
// good. A name that is in use may be free later: the publisher before may not have gone yet.
func Permanent(err error) bool {
	if refused, ok := errors.AsType[*Refused](err); ok {
		return refused.Code != "NetStream.Publish.BadName"
	}
	return errors.Is(err, ErrInvalid)
}

// Publisher is one connection that publishes. One goroutine uses it.
type Publisher struct {
	conn   *conn
	writer *gortmplib.Writer
	tracks []*media.Track
	first  time.Duration // DTS of the first unit: where the server's clock begins
	began  bool

	over  <-chan struct{} // the context's end
	stop  func() bool     // takes the connection out of the context's hands
	heard chan struct{}   // closed when the server will say nothing more
	said  error           // why, then
}

// Dial connects to rtmp://host/app/KEY, or rtmps, and begins to publish the tracks, one of each kind at most: H264 and AAC;
// HEVC, AV1, VP9 and Opus as enhanced RTMP has them. What the server does not take is a *Refused. The connection lasts until Close or Abort; when ctx ends, a blocked Write fails
// within a second.
func Dial(ctx context.Context, address string, tracks []*media.Track) (*Publisher, error) {
	target, err := parse(address)
	if err != nil {
		return nil, err
	}
	described, err := describe(tracks)
	if err != nil {
		return nil, err
	}
	deadline := time.Now().Add(dialTimeout)
	dialing, cancel := context.WithDeadline(ctx, deadline)
	defer cancel()
	nc, err := target.dial(dialing)
	if err != nil {
		return nil, fmt.Errorf("publish to %s: %w", target.host, err)
	}
	p := &Publisher{conn: newConn(nc, target.name), tracks: tracks, over: ctx.Done(), heard: make(chan struct{})}
	p.writer = &gortmplib.Writer{Conn: p.conn, Tracks: described}
	stop := context.AfterFunc(ctx, func() { _ = nc.Close() })
	err = nc.SetDeadline(deadline)
	if err == nil {
		err = p.conn.greet(target)
	}
	if err == nil {
		err = p.writer.Initialize()
	}
	if err == nil {
		err = nc.SetDeadline(time.Time{})
	}
	if !stop() {
		err = context.Cause(ctx)
	}
	if err != nil {
		_ = nc.Close()
		return nil, fmt.Errorf("publish to %s: %w", target.host, err)
	}
	p.stop = context.AfterFunc(ctx, func() { _ = nc.SetDeadline(time.Now().Add(closeTimeout)) })
	go p.listen()
	return p, nil
}

// describe turns tracks into the library's.
func describe(tracks []*media.Track) ([]*gortmplib.Track, error) {
	var described []*gortmplib.Track
	var kinds [2]int
	for _, t := range tracks {
		codec, err := codecOf(t)
		if err != nil {
			return nil, err
		}
		if codec.IsVideo() {
			kinds[0]++
		} else {
			kinds[1]++
		}
		described = append(described, &gortmplib.Track{Codec: codec})
	}
	if len(tracks) == 0 || kinds[0] > 1 || kinds[1] > 1 {
		return nil, fmt.Errorf("%w: %d video and %d audio tracks, allowed is one of each", ErrInvalid, kinds[0], kinds[1])
	}
	return described, nil
}

// codecOf turns a track's parameters into the library's. It takes broken ones for a bug of the program.
func codecOf(t *media.Track) (codecs.Codec, error) {
	switch t.Codec {
	case media.H264:
		sets := parameterSets(t, func(nalu []byte) byte { return nalu[0] & 0x1f })
		codec := &codecs.H264{SPS: sets[byte(h264.NALUTypeSPS)], PPS: sets[byte(h264.NALUTypePPS)]}
		var sps h264.SPS
		if err := sps.Unmarshal(codec.SPS); err != nil || codec.PPS == nil {
			return nil, fmt.Errorf("%w: H264 track without a valid SPS and PPS in its configuration", ErrInvalid)
		}
		return codec, nil
	case media.HEVC:
		sets := parameterSets(t, func(nalu []byte) byte { return nalu[0] >> 1 & 0x3f })
		codec := &codecs.H265{
			VPS: sets[byte(h265.NALUType_VPS_NUT)], SPS: sets[byte(h265.NALUType_SPS_NUT)], PPS: sets[byte(h265.NALUType_PPS_NUT)],
		}
		var sps h265.SPS
		if err := sps.Unmarshal(codec.SPS); err != nil || codec.VPS == nil || codec.PPS == nil {
			return nil, fmt.Errorf("%w: HEVC track without a valid VPS, SPS and PPS in its configuration", ErrInvalid)
		}
		return codec, nil
	case media.AV1:
		return &codecs.AV1{}, nil
	case media.VP9:
		return &codecs.VP9{}, nil
	case media.AAC:
		config := &mpeg4audio.AudioSpecificConfig{}
		if err := config.Unmarshal(t.Config); err != nil {
			return nil, fmt.Errorf("%w: AAC track with a bad configuration: %w", ErrInvalid, err)
		}
		return &codecs.MPEG4Audio{Config: config}, nil
	case media.Opus:
		return &codecs.Opus{IDHeader: &opus.IDHeader{Version: 1, ChannelCount: uint8(t.Channels), InputSampleRate: uint32(t.ClockRate)}}, nil
	default:
		return nil, fmt.Errorf("%w: %v cannot be sent by RTMP, allowed are H264, HEVC, AV1 and VP9 with AAC or Opus", ErrInvalid, t.Codec)
	}
}

// parameterSets finds the NAL units of a track's configuration by their types.
func parameterSets(t *media.Track, kind func([]byte) byte) map[byte][]byte {
	sets := make(map[byte][]byte)
	for nalu := range media.NALUs(t.Config) {
		sets[kind(nalu)] = nalu
	}
	return sets
}

// Write sends one unit of the track with this index, in decoding order. RTMP carries whole milliseconds, counted from
// the first unit's DTS. The server's refusal, where there is one, is returned by the next Write.
func (p *Publisher) Write(track int, u *media.Unit) error {
	select {
	case <-p.heard:
		return p.said
	default:
	}
	t := p.tracks[track]
	dts, pts := t.Duration(u.DTS).Round(time.Millisecond), t.Duration(u.PTS).Round(time.Millisecond)
	if !p.began {
		p.began, p.first = true, dts
	}
	offset := pts - dts
	dts = max(dts-p.first, 0)
	p.allow(writeTimeout)
	err := p.send(track, dts+offset, dts, u.Payload)
	if err == nil {
		return nil
	}
	// A server that has refused may have closed the connection: its words are worth more than the write's error.
	_ = p.conn.net.SetReadDeadline(time.Now().Add(closeTimeout))
	<-p.heard
	if refused, ok := errors.AsType[*Refused](p.said); ok {
		return refused
	}
	return fmt.Errorf("send: %w", err)
}

func (p *Publisher) send(track int, pts, dts time.Duration, payload []byte) error {
	described := p.writer.Tracks[track]
	switch p.tracks[track].Codec {
	case media.H264:
		return p.writer.WriteH264(described, pts, dts, slices.Collect(media.NALUs(payload)))
	case media.HEVC:
		return p.writer.WriteH265(described, pts, dts, slices.Collect(media.NALUs(payload)))
	case media.AV1:
		var unit av1.Bitstream
		if err := unit.Unmarshal(payload); err != nil {
			return err
		}
		return p.writer.WriteAV1(described, dts, unit)
	case media.VP9:
		return p.writer.WriteVP9(described, dts, payload)
	case media.Opus:
		return p.writer.WriteOpus(described, dts, payload)
	default: // nothing else was let in
		return p.writer.WriteMPEG4Audio(described, dts, payload)
	}
}

// allow gives writing so much time from now, or closeTimeout where the context has ended.
func (p *Publisher) allow(d time.Duration) {
	_ = p.conn.net.SetWriteDeadline(time.Now().Add(d))
	select {
	case <-p.over: // its deadline was overwritten
		_ = p.conn.net.SetWriteDeadline(time.Now().Add(closeTimeout))
	default:
	}
}

// listen hears what the server says: it speaks only to refuse, and to say goodbye.
func (p *Publisher) listen() {
	defer close(p.heard)
	for {
		msg, err := p.conn.Read()
		switch {
		case errors.Is(err, io.EOF), errors.Is(err, net.ErrClosed):
			p.said = errors.New("the server closed the connection")
		case err != nil:
			p.said = fmt.Errorf("the connection is lost: %w", err)
		default:
			if refused := p.conn.refusal(msg); refused != nil {
				p.said = refused
			}
		}
		if p.said != nil {
			return
		}
	}
}

// Close ends the stream, and waits until the server has taken all of it and closed the connection, a second at most.
// It returns what the server had refused meanwhile.
func (p *Publisher) Close() error {
	p.allow(closeTimeout)
	err := p.conn.goodbye()
	if err == nil {
		_ = p.conn.net.SetReadDeadline(time.Now().Add(closeTimeout))
		<-p.heard
	}
	p.Abort()
	if refused, ok := errors.AsType[*Refused](p.said); ok {
		return refused
	}
	return err
}

// Abort cuts the connection without a goodbye, as a publisher that dies does.
func (p *Publisher) Abort() {
	p.stop()
	_ = p.conn.net.Close()
	<-p.heard
}
