package rtmp

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"os"
	"runtime/debug"
	"strings"
	"time"

	"github.com/bluenviron/gortmplib/pkg/message"

	"castnet/ingest"
)

const (
	// maxDescription is what ffmpeg shows of an error.
	maxDescription = 250
	// lingerTime and lingerBytes bound what is read and thrown away after a refusal, so that it arrives: closing
	// with unread bytes would reset the connection.
	lingerTime  = 2 * time.Second
	lingerBytes = 16 << 20
)

// errVanished is what a sink is told where the connection ended without a goodbye.
var errVanished = errors.New("the publisher's connection ended without a goodbye")

// conn is one connection, served by one goroutine.
type conn struct {
	server  *Server
	net     net.Conn
	remote  string // its address
	wire    *wire
	asked   bool // it speaks RTMP and has said what it wants, so that an answer can be understood,
	publish bool // and that is to publish
	log     *slog.Logger
}

// serve takes one connection from handshake to end. over is why it may not publish, if so.
func (s *Server) serve(ctx context.Context, nc net.Conn, over *ingest.Refusal) {
	wire := s.wires.Get().(*wire)
	wire.attach(nc)
	defer func() {
		wire.detach()
		s.wires.Put(wire)
	}()
	c := &conn{server: s, net: nc, remote: nc.RemoteAddr().String(), wire: wire, log: s.cfg.Logger}
	// What strangers send goes through parsers that are not ours: a bug there must not take the process down.
	defer func() {
		if r := recover(); r != nil {
			c.log.Error("RTMP parser failed", "remote", c.remote, "panic", r, "stack", string(debug.Stack()))
		}
	}()
	stop := context.AfterFunc(ctx, func() { _ = nc.SetReadDeadline(time.Unix(1, 0)) })
	defer stop()

	key, err := c.greet(ctx)
	if err == nil && over != nil {
		err = over
	}
	var sink ingest.Sink
	if err == nil {
		sink, err = s.cfg.Gate.Publish(ctx, ingest.Request{Protocol: s.cfg.Protocol, Key: key, Remote: c.remote})
	}
	if err != nil {
		c.refuse(ctx, err)
		return
	}
	c.take(ctx, sink)
}

// greet does the handshake and the commands before publishing, and returns the stream key.
func (c *conn) greet(ctx context.Context) (key string, err error) {
	if err := c.extend(ctx, c.server.cfg.HandshakeTimeout); err != nil {
		return "", err
	}
	if err := c.wire.shakeHands(c.server.greeting); err != nil {
		return "", c.explain(ctx, err)
	}
	asked, err := c.connect()
	if err != nil {
		return "", c.explain(ctx, err)
	}
	name, publish, err := c.wish()
	if err != nil {
		return "", c.explain(ctx, err)
	}
	c.asked, c.publish = true, publish
	if !publish {
		return "", &ingest.Refusal{Code: ingest.CodeBadData, Message: "RTMP is for publishing here: to watch, open the broadcaster's page"}
	}
	return keyOf(asked, name)
}

// take takes the media of an admitted publisher until it ends.
func (c *conn) take(ctx context.Context, sink ingest.Sink) {
	metrics := c.server.metrics
	metrics.Publishers.Inc()
	defer metrics.Publishers.Dec()
	began := c.server.cfg.Now()
	// The publisher says goodbye in several messages, and closes: one that finds the connection closed by us, be it our half
	// (GStreamer's), takes that for an error.
	ended := false
	defer func() {
		if ended {
			c.drain(lingerTime)
		}
	}()
	reason := errors.New("the publisher's data broke the parser") // unless something else is said below
	defer func() { sink.Close(reason) }()

	c.log.Info("publisher came in", "remote", c.remote)
	c.wire.guard.maxMedia = c.server.cfg.MaxUnitBytes
	reason = c.media(ctx, newStream(sink, metrics, c.tell))
	lasted := c.server.cfg.Now().Sub(began).Round(time.Millisecond)
	switch {
	case errors.Is(reason, errEnded):
		reason, ended = nil, true
		c.log.Info("publisher ended its stream", "remote", c.remote, "after", lasted)
	case errors.Is(reason, errVanished):
		c.log.Info("publisher vanished", "remote", c.remote, "after", lasted)
	default:
		c.refuse(ctx, reason)
	}
}

func (c *conn) media(ctx context.Context, s *stream) error {
	if err := c.extend(ctx, c.server.cfg.IdleTimeout); err != nil {
		return err
	}
	if err := c.wire.write(status("status", "NetStream.Publish.Start", "publish start")); err != nil {
		return c.explain(ctx, err)
	}
	for {
		msg, err := c.wire.read()
		if err != nil {
			return c.explain(ctx, err)
		}
		if err := s.handle(msg, c.server.cfg.Now()); err != nil {
			return err
		}
		switch msg.(type) { // nothing but media keeps a publisher alive
		case *message.Video, *message.VideoExCodedFrames, *message.VideoExFramesX, *message.VideoExMultitrack,
			*message.Audio, *message.AudioExCodedFrames, *message.AudioExMultitrack:
			if err := c.extend(ctx, c.server.cfg.IdleTimeout); err != nil {
				return err
			}
		}
	}
}

// tell logs what the publisher should know of its stream.
func (c *conn) tell(what string, args ...any) {
	c.log.Info(what, append(args, "remote", c.remote)...)
}

// extend gives the publisher so much time for its next message.
func (c *conn) extend(ctx context.Context, d time.Duration) error {
	if err := c.net.SetDeadline(time.Now().Add(d)); err != nil {
		return errVanished
	}
	if ctx.Err() != nil { // the deadline that ended the connection was overwritten
		return ingest.ErrUnavailable
	}
	return nil
}

// explain turns an error of the connection or the RTMP library into one for the publisher and the log.
func (c *conn) explain(ctx context.Context, err error) error {
	var refusal *ingest.Refusal
	var network net.Error
	switch {
	case errors.As(err, &refusal): // the guard's
		return refusal
	case ctx.Err() != nil:
		return ingest.ErrUnavailable
	case errors.Is(err, os.ErrDeadlineExceeded):
		limit := c.server.cfg.HandshakeTimeout
		what := "the RTMP handshake did not come to its end in time"
		if c.wire.guard.maxMedia > 0 {
			limit, what = c.server.cfg.IdleTimeout, "nothing came from the publisher for too long"
		}
		return &ingest.Refusal{Code: ingest.CodeLimit, Message: what, Limit: limit.String()}
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), errors.As(err, &network):
		return errVanished
	case strings.Contains(err.Error(), "unsupported video codec"), strings.Contains(err.Error(), "unsupported audio codec"),
		strings.Contains(err.Error(), "unsupported fourCC"):
		return unsupported("this codec (" + err.Error() + ")")
	default:
		return ingest.BadData("cannot read what was sent: " + err.Error())
	}
}

// refuse tells the publisher why it cannot go on, in the log too, and waits until it has had time to read it.
func (c *conn) refuse(ctx context.Context, err error) {
	if errors.Is(err, errVanished) {
		c.log.Debug("connection ended before anything was published", "remote", c.remote) // a port probe, most often
		return
	}
	code := ingest.CodeOf(err)
	c.server.metrics.Refused.WithLabelValues(string(code)).Inc()
	level := slog.LevelWarn
	if ctx.Err() != nil {
		level = slog.LevelInfo // we are stopping: nothing is wrong
	}
	c.log.Log(ctx, level, "publisher sent away", "remote", c.remote, "code", string(code), "error", err)
	if !c.asked {
		return
	}
	linger := lingerTime
	if ctx.Err() != nil {
		linger /= 8
	}
	if c.net.SetDeadline(time.Now().Add(linger)) != nil || c.wire.write(c.refusal(code, err)) != nil || c.wire.link.flush() != nil {
		return
	}
	c.hangUp(linger)
}

// hangUp closes our half of the connection, and waits for the publisher's, so long at most.
func (c *conn) hangUp(linger time.Duration) {
	if half, ok := c.net.(interface{ CloseWrite() error }); ok && half.CloseWrite() != nil {
		return
	}
	c.drain(linger)
}

// drain throws away what comes until the publisher closes, so long at most.
func (c *conn) drain(linger time.Duration) {
	if c.net.SetDeadline(time.Now().Add(linger)) == nil {
		_, _ = io.CopyN(io.Discard, c.net, lingerBytes)
	}
}

// refusal is the message that publishers show: ffmpeg prints the description. OBS gives up at Publish.Rejected, and
// tries again after Publish.BadName, which helps while the publisher before it has not gone yet.
func (c *conn) refusal(code ingest.Code, err error) *message.CommandAMF0 {
	name := "NetStream.Publish.Rejected"
	switch {
	case !c.publish:
		name = "NetStream.Play.Failed"
	case code == ingest.CodeKeyInUse || code == ingest.CodeUnavailable:
		name = "NetStream.Publish.BadName"
	}
	description := err.Error()
	return status("error", name, description[:min(len(description), maxDescription)])
}
