package restream

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"time"

	"github.com/bluenviron/mediacommon/v2/pkg/codecs/mpeg4audio"
	"github.com/bluenviron/mediacommon/v2/pkg/formats/mpegts"
	"github.com/bluenviron/mediacommon/v2/pkg/formats/mpegts/codecs"
	"github.com/bluenviron/mediacommon/v2/pkg/formats/mpegts/substructs"
	gosrt "github.com/datarhei/gosrt"

	"castnet/internal/media"
)

const (
	// datagram is seven packets of a transport stream, as SRT's peers expect.
	datagram = 7 * 188
	// burst datagrams are written at once, and the next ones burstPause later (80 Mb/s). The library drops what finds its queue
	// of 1,024 full, as a key frame and all after it would; of 64 at once it lost the last ones where nothing followed soon.
	burst      = 16
	burstPause = 2 * time.Millisecond
	// patience is how long a lost packet may be asked for again where the address names no latency: it is sent in bursts, key frames
	// above all, of which a busy receiver loses some, and SRT's 120 ms are too few to have them all again.
	patience = time.Second
	// settle is what a server needs beyond the latency to hand its last packets on, settleTick how often it is looked whether
	// it has them.
	settle     = 200 * time.Millisecond
	settleTick = 20 * time.Millisecond
	// longestClose bounds the goodbye, whatever latency the server asks for (65 s at most): the id's next stream waits for it.
	longestClose = 5 * time.Second
	// tsDelay is where the transport stream's clock begins: its program clock runs ahead of the first picture by 100 ms.
	tsDelay = media.VideoClockRate
)

// srtTarget is where to publish by SRT.
type srtTarget struct {
	host   string
	config gosrt.Config
}

// parseSRT reads srt://host:port?streamid=…&passphrase=…&pbkeylen=…&latency=…, the latency in milliseconds. The stream id and
// the passphrase are secrets: no error shows them.
func parseSRT(address string) (srtTarget, error) {
	invalid := func(why string) (srtTarget, error) {
		return srtTarget{}, fmt.Errorf("%w: %s: want srt://HOST:PORT?streamid=…, with passphrase, pbkeylen and latency where needed", ErrInvalid, why)
	}
	u, err := url.Parse(address)
	if err != nil {
		return invalid("the address cannot be read")
	}
	t := srtTarget{host: u.Host, config: gosrt.DefaultConfig()}
	t.config.PeerLatency = patience
	if u.Hostname() == "" || u.Port() == "" {
		return invalid("the address has no host or no port")
	}
	if u.Fragment != "" {
		return invalid("a # inside the stream id is written as %23")
	}
	query := u.Query()
	for name := range query {
		if !slices.Contains([]string{"streamid", "passphrase", "pbkeylen", "latency", "mode", "pkt_size"}, name) {
			return invalid(fmt.Sprintf("%.20q is not known", name))
		}
	}
	if mode := query.Get("mode"); mode != "" && mode != "caller" {
		return invalid("the server must be called: mode is " + strconv.Quote(mode))
	}
	t.config.StreamId = query.Get("streamid")
	if t.config.Passphrase = query.Get("passphrase"); t.config.Passphrase != "" && (len(t.config.Passphrase) < 10 || len(t.config.Passphrase) > 79) {
		return invalid(fmt.Sprintf("the passphrase has %d bytes, allowed are 10 to 79", len(t.config.Passphrase)))
	}
	if length := query.Get("pbkeylen"); length != "" {
		if t.config.PBKeylen, err = strconv.Atoi(length); err != nil || !slices.Contains([]int{16, 24, 32}, t.config.PBKeylen) {
			return invalid("pbkeylen must be 16, 24 or 32")
		}
	}
	if latency := query.Get("latency"); latency != "" {
		ms, err := strconv.Atoi(latency)
		if err != nil || ms < 0 || ms > 30_000 {
			return invalid("latency must be 0 to 30000 milliseconds")
		}
		t.config.PeerLatency = time.Duration(ms) * time.Millisecond
	}
	return t, nil
}

// srtOutlet publishes a transport stream by SRT.
type srtOutlet struct {
	ctx     context.Context //nolint:containedctx // that of the whole connection
	conn    gosrt.Conn
	buffer  *bufio.Writer
	writer  *mpegts.Writer
	tracks  []*media.Track
	first   time.Duration // DTS of the first unit
	began   bool
	written int // datagrams
}

// dialSRT connects, and begins to publish tracks: H264 or HEVC, with AAC or Opus.
func dialSRT(ctx context.Context, address string, tracks []*media.Track) (*srtOutlet, error) {
	target, err := parseSRT(address)
	if err != nil {
		return nil, err
	}
	o := &srtOutlet{ctx: ctx, tracks: tracks}
	o.buffer = bufio.NewWriterSize(sender{o}, datagram)
	o.writer = &mpegts.Writer{W: o.buffer}
	for _, t := range tracks {
		codec, err := tsCodec(t)
		if err != nil {
			return nil, err
		}
		o.writer.Tracks = append(o.writer.Tracks, &mpegts.Track{Codec: codec})
	}
	if err := o.writer.Initialize(); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrInvalid, err)
	}
	// The library leaves a goroutine behind for each call that is not answered: the pauses between calls keep them few.
	if o.conn, err = gosrt.Dial("srt", target.host, target.config); err != nil {
		return nil, fmt.Errorf("publish to %s: %w", target.host, err)
	}
	return o, nil
}

func tsCodec(t *media.Track) (codecs.Codec, error) {
	switch t.Codec {
	case media.H264:
		return &codecs.H264{}, nil
	case media.HEVC:
		return &codecs.H265{}, nil
	case media.AAC:
		codec := &codecs.MPEG4Audio{}
		if err := codec.Unmarshal(t.Config); err != nil {
			return nil, fmt.Errorf("%w: AAC track with a bad configuration: %w", ErrInvalid, err)
		}
		if codec.Type != mpeg4audio.ObjectTypeAACLC {
			codec.Type = mpeg4audio.ObjectTypeAACLC // ADTS names the core of HE-AAC; decoders find the rest
		}
		return codec, nil
	case media.Opus:
		return &codecs.Opus{Desc: &substructs.OpusAudioDescriptor{ChannelConfigCode: uint8(t.Channels)}}, nil
	default:
		return nil, fmt.Errorf("%w: %v cannot be sent by SRT, allowed are H264 and HEVC with AAC or Opus", ErrInvalid, t.Codec)
	}
}

// Write sends one unit.
func (o *srtOutlet) Write(track int, u *media.Unit) error {
	t := o.tracks[track]
	if !o.began {
		o.began, o.first = true, t.Duration(u.DTS)
	}
	stamp := func(at int64) int64 {
		return media.Rescale(int64(t.Duration(at)-o.first), int64(time.Second), media.VideoClockRate) + tsDelay
	}
	pts, dts := stamp(u.PTS), stamp(u.DTS)
	described := o.writer.Tracks[track]
	var err error
	switch t.Codec {
	case media.H264:
		err = o.writer.WriteH264(described, pts, dts, slices.Collect(media.NALUs(u.Payload)))
	case media.HEVC:
		err = o.writer.WriteH265(described, pts, dts, slices.Collect(media.NALUs(u.Payload)))
	case media.Opus:
		err = o.writer.WriteOpus(described, pts, [][]byte{u.Payload})
	default: // nothing else was let in
		err = o.writer.WriteMPEG4Audio(described, pts, [][]byte{u.Payload})
	}
	if err == nil {
		err = o.buffer.Flush()
	}
	if err != nil {
		return fmt.Errorf("send: %w", err)
	}
	return nil
}

// sender is what the buffer writes datagrams to.
type sender struct{ *srtOutlet }

// Write sends one datagram.
func (s sender) Write(p []byte) (int, error) {
	o := s.srtOutlet
	if _, err := o.conn.Write(p); err != nil {
		return 0, errors.New("the server is gone")
	}
	if o.written++; o.written%burst == 0 {
		pause(o.ctx, burstPause)
	}
	return len(p), nil
}

// Close ends the stream once the server has acknowledged all, and had the time that it holds packets back for, by its own wish or
// ours: with the goodbye it throws away what it holds. It takes longestClose at most, so that of latencies above the last pictures
// may be missing. Where the context has ended it hurries.
func (o *srtOutlet) Close() error {
	defer o.Abort()
	var st gosrt.Statistics
	o.conn.Stats(&st)
	dropped := st.Accumulated.PktSendDrop
	latency := time.Duration(st.Instantaneous.MsSendTsbPdDelay) * time.Millisecond
	given, cancel := context.WithTimeout(context.WithoutCancel(o.ctx), min(2*latency+2*time.Second, longestClose)) // before that the library gives up what is lost
	defer cancel()
	stop := context.AfterFunc(o.ctx, func() { time.AfterFunc(closeTimeout, cancel) })
	defer stop()
	for quiet := 0; quiet < 2 && given.Err() == nil; quiet++ { // what was written a moment ago may not be counted yet
		pause(given, settleTick)
		if o.conn.Stats(&st); st.Instantaneous.PktSendBuf > 0 {
			quiet = -1
		}
	}
	pause(given, latency+settle)
	if lost := st.Accumulated.PktSendDrop - dropped + st.Instantaneous.PktSendBuf; lost > 0 {
		return fmt.Errorf("the server did not acknowledge the last %d packets, for which it had %v: latency= in the address gives it more", lost, latency)
	}
	return nil
}

func pause(ctx context.Context, d time.Duration) {
	select {
	case <-time.After(d):
	case <-ctx.Done():
	}
}

// Abort cuts the connection, with the goodbye that SRT knows.
func (o *srtOutlet) Abort() {
	_ = o.conn.Close() // never fails
	for range 50 {     // until the library's goroutine has said that it ends
		if _, err := o.conn.Read(make([]byte, datagram)); errors.Is(err, gosrt.ErrClientClosed) {
			return
		}
		<-time.After(burstPause)
	}
}
