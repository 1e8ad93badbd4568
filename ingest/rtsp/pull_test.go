package rtsp_test

import (
	"bytes"
	"io"
	"log/slog"
	"net"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/bluenviron/gortsplib/v4"
	"github.com/bluenviron/gortsplib/v4/pkg/base"
	"github.com/bluenviron/gortsplib/v4/pkg/description"
	"github.com/bluenviron/gortsplib/v4/pkg/format"
	"github.com/bluenviron/gortsplib/v4/pkg/liberrors"
	"github.com/pion/rtp"
	"github.com/prometheus/client_golang/prometheus"

	"castnet/ingest"
	"castnet/ingest/ingesttest"
	"castnet/ingest/rtsp"
	"castnet/internal/media"
	"castnet/test/port"
)

const firstPause = 20 * time.Millisecond

// camera is an RTSP server that asks for a name and a password, and shows what ffmpeg pushes into it to everybody.
type camera struct {
	server  *gortsplib.Server
	address string
	played  chan struct{} // a token for each PLAY

	mu     sync.Mutex
	stream *gortsplib.ServerStream
	pushed *gortsplib.ServerSession
	player *gortsplib.ServerSession // the last one
}

// newCamera runs a camera; with udp packets may go by UDP.
func newCamera(t *testing.T, address string, udpToo bool) *camera {
	t.Helper()
	listener := port.Listen(t, address)
	c := &camera{address: listener.Addr().String(), played: make(chan struct{}, 100)}
	c.server = &gortsplib.Server{
		Handler: c, RTSPAddress: c.address, WriteQueueSize: 2048, Listen: func(string, string) (net.Listener, error) { return listener, nil },
	}
	if udpToo {
		packets, reports := udp(t)
		c.server.UDPRTPAddress, c.server.UDPRTCPAddress = packets.LocalAddr().String(), reports.LocalAddr().String()
		first := netip.MustParseAddrPort(c.server.UDPRTPAddress).Port()
		c.server.ListenPacket = func(_, address string) (net.PacketConn, error) {
			if netip.MustParseAddrPort(address).Port() == first {
				return packets, nil
			}
			return reports, nil
		}
	}
	if err := c.server.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.server.Close)
	return c
}

func (c *camera) OnAnnounce(x *gortsplib.ServerHandlerOnAnnounceCtx) (*base.Response, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.stream = &gortsplib.ServerStream{Server: c.server, Desc: x.Description}
	if err := c.stream.Initialize(); err != nil {
		return nil, err
	}
	c.pushed = x.Session
	return &base.Response{StatusCode: base.StatusOK}, nil
}

func (c *camera) OnDescribe(x *gortsplib.ServerHandlerOnDescribeCtx) (*base.Response, *gortsplib.ServerStream, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case !x.Conn.VerifyCredentials(x.Request, "viewer", "SECRET"):
		return &base.Response{StatusCode: base.StatusUnauthorized}, nil, liberrors.ErrServerAuth{}
	case c.stream == nil:
		return &base.Response{StatusCode: base.StatusNotFound}, nil, nil
	}
	return &base.Response{StatusCode: base.StatusOK}, c.stream, nil
}

func (c *camera) OnSetup(x *gortsplib.ServerHandlerOnSetupCtx) (*base.Response, *gortsplib.ServerStream, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if x.Session == c.pushed {
		return &base.Response{StatusCode: base.StatusOK}, nil, nil
	}
	return &base.Response{StatusCode: base.StatusOK}, c.stream, nil
}

func (c *camera) OnPlay(x *gortsplib.ServerHandlerOnPlayCtx) (*base.Response, error) {
	c.mu.Lock()
	c.player = x.Session
	c.mu.Unlock()
	c.played <- struct{}{}
	return &base.Response{StatusCode: base.StatusOK}, nil
}

// OnRecord holds the first packet until somebody plays.
func (c *camera) OnRecord(x *gortsplib.ServerHandlerOnRecordCtx) (*base.Response, error) {
	<-c.played
	x.Session.OnPacketRTPAny(func(m *description.Media, _ format.Format, packet *rtp.Packet) {
		_ = c.stream.WritePacketRTP(m, packet)
	})
	return &base.Response{StatusCode: base.StatusOK}, nil
}

// pull runs a puller of one source, with pauses up to longest, and returns what it logs.
func pull(t *testing.T, g ingest.Gate, s rtsp.Source, longest time.Duration) *log {
	t.Helper()
	said := &log{}
	p, err := rtsp.NewPuller(rtsp.PullConfig{
		Sources: []rtsp.Source{s}, Gate: g, Logger: slog.New(slog.NewTextHandler(io.MultiWriter(said, t.Output()), nil)), Registerer: prometheus.NewRegistry(),
		FirstPause: firstPause, LongestPause: longest,
	})
	if err != nil {
		t.Fatal(err)
	}
	ingesttest.Run(t, p.Run)
	t.Cleanup(func() {
		if text := said.String(); strings.Contains(text, "SECRET") || strings.Contains(text, "viewer") {
			t.Errorf("the log tells the password:\n%s", text)
		}
	})
	return said
}

// log keeps what is logged.
type log struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *log) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *log) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// TestPull plays a camera that comes, goes and comes back, by TCP, by UDP, and by what works.
func TestPull(t *testing.T) {
	video, args := material(t)
	end := video.Units[len(video.Units)-1].Payload
	for name, tc := range map[string]struct {
		transport string
		udp       bool
	}{
		"tcp": {"tcp", true}, "udp": {"udp", true}, "the camera has no UDP": {"", false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			g := ingesttest.NewGate()
			last := make(chan struct{}, 2) // the clip's last picture has come
			g.OnWrite = func(_ *ingesttest.Recorder, u *media.Unit) error {
				if bytes.HasSuffix(u.Payload, end[4:]) {
					last <- struct{}{}
				}
				return nil
			}
			address := port.Free(t) // it is away between two visits
			said := (*log)(nil)
			for visit := range 2 {
				c := newCamera(t, address, tc.udp)
				if said == nil {
					said = pull(t, g, rtsp.Source{Key: "demo", URL: "rtsp://viewer:SECRET@" + address + "/garden", Transport: tc.transport}, 100*time.Millisecond)
				}
				if out, err := ffmpeg(t, append(slices.Clone(args), "-f", "rtsp", "-rtsp_transport", "tcp", "rtsp://"+address+"/garden")...); err != nil {
					t.Fatalf("%v: %s", err, out)
				}
				r := g.Next(t)
				select {
				case <-last:
				case <-time.After(2 * time.Minute):
					t.Fatalf("visit %d: the last picture does not come after %d", visit, r.Count(media.H264))
				}
				c.server.Close()
				<-r.Closed
				if r.Reason == nil || len(r.Tracks) != 2 || r.Tracks[0].Width != 640 {
					t.Errorf("visit %d ended with %v, %d dropped, tracks %+v", visit, r.Reason, r.Dropped, r.Tracks)
				}
				// The server plays a moment after it has said so: the first GOP may be past.
				if n := len(r.Units[media.H264]); n != len(video.Units) && n != len(video.Units)-30 {
					t.Errorf("visit %d: %d pictures came of %d", visit, n, len(video.Units))
				}
			}
			if request := g.Requests[0]; request.Protocol != "rtsp-pull" || request.Remote != address {
				t.Errorf("asked as %+v", request)
			}
			if text := said.String(); !strings.Contains(text, "404") && !strings.Contains(text, "refused") {
				t.Errorf("the log does not tell of the camera that was away:\n%s", text)
			}
		})
	}
}

// A source is away for long enough that the pauses have grown, then plays and ends, again and again: it is always come back to
// after the first pause. Pauses that went on doubling would be of more than a minute at the end.
func TestPullBeginsAgainWithTheFirstPause(t *testing.T) {
	c := newCamera(t, port.Free(t), false)
	g := ingesttest.NewGate()
	began := time.Now()
	said := pull(t, g, rtsp.Source{Key: "demo", URL: "rtsp://viewer:SECRET@" + c.address + "/garden", Transport: "tcp"}, time.Hour)
	<-time.After(300 * time.Millisecond)

	stream := &gortsplib.ServerStream{Server: c.server, Desc: &description.Session{Medias: []*description.Media{
		{Type: description.MediaTypeVideo, Formats: []format.Format{&format.H264{PayloadTyp: 96, PacketizationMode: 1}}},
	}}}
	if err := stream.Initialize(); err != nil {
		t.Fatal(err)
	}
	c.mu.Lock()
	c.stream = stream
	c.mu.Unlock()
	for visit := range 9 {
		r := g.Next(t)
		for strings.Count(said.String(), "a stream is pulled") == visit {
			<-time.After(time.Millisecond)
		}
		lasts := 5 * firstPause // the pause before was the first one, the next would be twice that
		if visit == 0 {
			lasts = time.Since(began) + firstPause // all pauses so far make up less than the next one would be
		}
		<-time.After(lasts)
		c.mu.Lock()
		c.player.Close()
		c.mu.Unlock()
		<-r.Closed
	}
}

func TestSourcesThatCannotBe(t *testing.T) {
	for _, s := range []rtsp.Source{
		{Key: "demo", URL: "http://viewer:SECRET@a/b"},
		{Key: "demo", URL: "rtsp:///SECRET"},
		{Key: "demo", URL: "rtsp://a:b:c/SECRET"},
		{Key: "demo", URL: "rtsp://a/SECRET", Transport: "sctp"},
	} {
		if err := s.Check(); err == nil || strings.Contains(err.Error(), "SECRET") {
			t.Errorf("%+v: %v", s, err)
		}
	}
}
