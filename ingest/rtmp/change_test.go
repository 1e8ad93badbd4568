package rtmp_test

import (
	"net/url"
	"testing"
	"time"

	"github.com/abema/go-mp4"
	"github.com/bluenviron/gortmplib"
	"github.com/bluenviron/gortmplib/pkg/amf0"
	"github.com/bluenviron/gortmplib/pkg/codecs"
	"github.com/bluenviron/gortmplib/pkg/message"
	"github.com/bluenviron/mediacommon/v2/pkg/codecs/h264"

	"castnet/ingest/ingesttest"
	"castnet/ingest/rtmp"
	"castnet/internal/media"
	"castnet/test/clip"
)

// client speaks to a server message by message.
type client struct {
	*gortmplib.Client
	t *testing.T
}

func dial(t *testing.T, address string) client {
	t.Helper()
	c := &gortmplib.Client{URL: &url.URL{Scheme: "rtmp", Host: address, Path: "/live", Fragment: "demo"}, Publish: true}
	if err := c.Initialize(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return client{c, t}
}

func (c client) send(msg message.Message) {
	c.t.Helper()
	if err := c.Write(msg); err != nil {
		c.t.Fatal(err)
	}
}

// configure sends metadata and sequence headers, as the library's writer makes them.
func (c client) configure(v *clip.Video) {
	c.t.Helper()
	var sets h264.AnnexB
	if err := sets.Unmarshal(v.Track.Config); err != nil {
		c.t.Fatal(err)
	}
	w := &gortmplib.Writer{Conn: c, Tracks: []*gortmplib.Track{{Codec: &codecs.H264{SPS: sets[0], PPS: sets[1]}}}}
	if err := w.Initialize(); err != nil {
		c.t.Fatal(err)
	}
}

func (c client) picture(ms int, u *media.Unit) {
	c.t.Helper()
	var au h264.AnnexB
	if err := au.Unmarshal(u.Payload); err != nil {
		c.t.Fatal(err)
	}
	payload, err := h264.AVCC(au).Marshal()
	if err != nil {
		c.t.Fatal(err)
	}
	c.send(&message.Video{
		ChunkStreamID: message.VideoChunkStreamID, MessageStreamID: 0x1000000, Codec: message.CodecH264, IsKeyFrame: u.Key,
		Type: message.VideoTypeAU, AU: payload, DTS: time.Duration(ms) * time.Millisecond,
	})
}

func (c client) end() {
	c.t.Helper()
	c.send(&message.CommandAMF0{ChunkStreamID: 3, Name: "deleteStream", CommandID: 6, Arguments: amf0.Data{nil, 1.0}})
}

func small(t *testing.T, width, height int) *clip.Video {
	t.Helper()
	v, err := clip.Make(t.Context(), clip.Spec{Width: width, Height: height, FPS: 30, Seconds: 2, GOP: 30})
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// TestSizeChanges sends another size in the middle of a stream: a new track, and a segment from its first key frame.
func TestSizeChanges(t *testing.T) {
	a, b := small(t, 640, 480), small(t, 320, 240)
	g := ingesttest.NewGate()
	c := dial(t, start(t, g, nil))
	c.configure(a)
	for i, u := range a.Units[:20] {
		c.picture(i*33, u)
	}
	c.configure(b)
	for i, u := range b.Units[:20] {
		c.picture((20+i)*33, u)
	}
	c.end()
	r := g.Wait(t)
	if r.Starts != 2 || len(r.Tracks) != 1 || r.Tracks[0].Width != 320 {
		t.Fatalf("%d starts, tracks %+v", r.Starts, r.Tracks)
	}
	if len(r.Segments) != 2 || r.Segments[0].Track.Width != 640 || r.Segments[1].Track != r.Tracks[0] || r.Segments[1].FirstPTS != 20*33*90 {
		t.Fatalf("%d segments", len(r.Segments))
	}
	if n := len(r.Units[media.H264]); n != 40 || r.Dropped != 0 || r.Reason != nil {
		t.Errorf("%d units, %d dropped, %v", n, r.Dropped, r.Reason)
	}
}

// TestClockStartsAnew restarts the publisher's timestamps: PTS go on upwards, and the jump is flagged once.
func TestClockStartsAnew(t *testing.T) {
	v := small(t, 320, 240)
	g := ingesttest.NewGate()
	c := dial(t, start(t, g, nil))
	c.configure(v)
	for i, u := range v.Units {
		c.picture(i%30*33+(30-30*(i/30))*1000, u) // one second from 30 s, then one from 0
	}
	c.end()
	r := g.Wait(t)
	units := r.Units[media.H264]
	if len(units) != 60 || r.Dropped != 0 || r.Reason != nil || len(r.Segments) != 2 {
		t.Fatalf("%d units, %d dropped, %d segments, %v", len(units), r.Dropped, len(r.Segments), r.Reason)
	}
	for i, u := range units {
		if u.Discontinuity != (i == 30) || i > 0 && u.PTS <= units[i-1].PTS {
			t.Fatalf("unit %d: PTS %d, discontinuity %v", i, u.PTS, u.Discontinuity)
		}
	}
}

// TestCoarseTimestamps sends 100 pictures in 50 ms: PTS are moved by less than a millisecond, and none is lost.
func TestCoarseTimestamps(t *testing.T) {
	v := small(t, 320, 240)
	g := ingesttest.NewGate()
	c := dial(t, start(t, g, nil))
	c.configure(v)
	for i := range 100 {
		c.picture(i/2, v.Units[i%30])
	}
	c.end()
	r := g.Wait(t)
	units := r.Units[media.H264]
	if len(units) != 100 || r.Dropped != 0 || r.Reason != nil {
		t.Fatalf("%d units, %d dropped, %v", len(units), r.Dropped, r.Reason)
	}
	for i, u := range units {
		if off := u.PTS - int64(i/2)*90; off < 0 || off >= 90 || i > 0 && u.PTS <= units[i-1].PTS {
			t.Fatalf("unit %d has PTS %d", i, u.PTS)
		}
	}
}

// TestWithoutMetadata announces nothing: sound may still come, so the stream begins after a second, whole.
func TestWithoutMetadata(t *testing.T) {
	v := small(t, 320, 240)
	g := ingesttest.NewGate()
	now := time.Unix(0, 0)
	c := dial(t, start(t, g, func(cfg *rtmp.Config) {
		cfg.Now = func() time.Time { now = now.Add(33 * time.Millisecond); return now } // one goroutine asks
	}))
	var sets h264.AnnexB
	if err := sets.Unmarshal(v.Track.Config); err != nil {
		t.Fatal(err)
	}
	config := &mp4.AVCDecoderConfiguration{
		ConfigurationVersion: 1, Profile: sets[0][1], ProfileCompatibility: sets[0][2], Level: sets[0][3],
		Reserved: 0x3f, LengthSizeMinusOne: 3, Reserved2: 7,
		NumOfSequenceParameterSets: 1, SequenceParameterSets: []mp4.AVCParameterSet{{Length: uint16(len(sets[0])), NALUnit: sets[0]}},
		NumOfPictureParameterSets: 1, PictureParameterSets: []mp4.AVCParameterSet{{Length: uint16(len(sets[1])), NALUnit: sets[1]}},
	}
	config.SetType(mp4.BoxTypeAvcC())
	c.send(&message.Video{
		ChunkStreamID: message.VideoChunkStreamID, MessageStreamID: 0x1000000, Codec: message.CodecH264, IsKeyFrame: true,
		Type: message.VideoTypeConfig, AVCConfig: config,
	})
	for i, u := range v.Units[:20] {
		c.picture(i*33, u)
	}
	r := g.Next(t)
	select {
	case <-r.Started:
		t.Error("the stream began without waiting for sound")
	default:
	}
	for i, u := range v.Units[20:] {
		c.picture((20+i)*33, u)
	}
	c.end()
	<-r.Closed
	if n := len(r.Units[media.H264]); n != 60 || r.Reason != nil || r.Starts != 1 {
		t.Errorf("%d units, %d starts, %v", n, r.Starts, r.Reason)
	}
}
