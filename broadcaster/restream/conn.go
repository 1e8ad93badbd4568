package restream

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/url"
	"strings"
	"sync"

	"github.com/bluenviron/gortmplib/pkg/amf0"
	"github.com/bluenviron/gortmplib/pkg/bytecounter"
	"github.com/bluenviron/gortmplib/pkg/handshake"
	"github.com/bluenviron/gortmplib/pkg/message"
)

// The library's own client keeps neither the code nor the description of a refusal, and answers pings while the
// publisher writes; so the commands are spoken here (RTMP 1.0, section 7.2), over its messages.

// target is where to publish.
type target struct {
	tls            bool
	host           string // with the port
	url, app, name string // as the connect and publish commands want them; name is the stream key
}

// parse reads rtmp://host/app/KEY. The key is a secret: no error shows it.
func parse(address string) (target, error) {
	invalid := func(why string) (target, error) {
		return target{}, fmt.Errorf("%w: %s: want rtmp://HOST/APP/KEY, or rtmps", ErrInvalid, why)
	}
	u, err := url.Parse(address)
	if err != nil {
		return invalid("the address cannot be read")
	}
	t := target{host: u.Host}
	port := "1935"
	switch u.Scheme {
	case "rtmp":
	case "rtmps":
		t.tls, port = true, "443"
	default:
		return invalid(fmt.Sprintf("the address begins with %.10q", u.Scheme))
	}
	at := strings.LastIndexByte(u.Path, '/')
	switch {
	case u.Hostname() == "":
		return invalid("the address has no host")
	case u.User != nil:
		return invalid("the address has a user name, which RTMP does not know")
	case at < 1 || at == len(u.Path)-1:
		return invalid("the address has no application or no stream key")
	}
	t.app, t.name = u.Path[1:at], u.Path[at+1:]
	t.url = u.Scheme + "://" + u.Host + "/" + t.app
	if u.RawQuery != "" {
		t.name += "?" + u.RawQuery
	}
	if u.Port() == "" {
		t.host = net.JoinHostPort(u.Hostname(), port)
	}
	return t, nil
}

func (t target) dial(ctx context.Context) (net.Conn, error) {
	if t.tls {
		d := tls.Dialer{Config: &tls.Config{MinVersion: tls.VersionTLS12}}
		return d.DialContext(ctx, "tcp", t.host)
	}
	var d net.Dialer
	return d.DialContext(ctx, "tcp", t.host)
}

// conn speaks RTMP messages; it is the library's Conn. Reading and writing may go on at once.
type conn struct {
	net   net.Conn
	key   string // what no error may show, though the server says it
	bytes *bytecounter.ReadWriter
	in    *message.Reader
	mu    sync.Mutex // reading writes too: acknowledgements and pongs
	out   *message.Writer
}

func newConn(nc net.Conn, key string) *conn {
	c := &conn{net: nc, key: key, bytes: bytecounter.NewReadWriter(nc)}
	c.out = message.NewWriter(c.bytes, c.bytes.Writer, false)
	c.in = message.NewReader(c.bytes, c.bytes.Reader, func(count uint32) error {
		return c.Write(&message.Acknowledge{Value: count})
	})
	return c
}

// BytesReceived counts what was received.
func (c *conn) BytesReceived() uint64 { return c.bytes.Reader.Count() }

// BytesSent counts what was sent.
func (c *conn) BytesSent() uint64 { return c.bytes.Writer.Count() }

// Write sends a message.
func (c *conn) Write(msg message.Message) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.out.Write(msg)
}

// Read receives a message. What the server sends goes through parsers that are not ours: a bug there must not take the
// process down.
func (c *conn) Read() (msg message.Message, err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("the RTMP parser failed: %v", r)
		}
	}()
	// ffmpeg as a server answers FCPublish by a name alone: the library takes no command without arguments, and goes on.
	for again := true; again; again = err != nil && err.Error() == "invalid command payload" {
		msg, err = c.in.Read()
	}
	if ping, ok := msg.(*message.UserControlPingRequest); ok && err == nil {
		err = c.Write(&message.UserControlPingResponse{ServerTime: ping.ServerTime})
	}
	return msg, err
}

// The command ids, in the order of sending.
const (
	connect = iota + 1
	release
	announce
	create
	publish
	remove
)

// streamID is the message stream that a server's first createStream gives, and that the library's writer takes for
// granted; streamOnWire is the same in the byte order of chunk headers.
const (
	streamID     = 1
	streamOnWire = 0x1000000
)

func (c *conn) command(id int, name string, arguments ...any) error {
	m := &message.CommandAMF0{ChunkStreamID: 3, Name: name, CommandID: id, Arguments: arguments}
	if id == publish {
		m.ChunkStreamID, m.MessageStreamID = 4, streamOnWire
	}
	return c.Write(m)
}

// greet brings a new connection to where media may be sent.
func (c *conn) greet(t target) error {
	if _, _, err := handshake.DoClient(c.bytes, false, false); err != nil {
		return fmt.Errorf("RTMP handshake: %w", err)
	}
	const window = 2_500_000 // bytes between acknowledgements
	err := errors.Join(
		c.Write(&message.SetWindowAckSize{Value: window}),
		c.Write(&message.SetPeerBandwidth{Value: window, Type: 2}),
		c.Write(&message.SetChunkSize{Value: 65536}),
		c.command(connect, "connect", amf0.Object{
			{Key: "app", Value: t.app},
			{Key: "type", Value: "nonprivate"},
			{Key: "flashVer", Value: "FMLE/3.0 (compatible; Castnet)"},
			{Key: "tcUrl", Value: t.url},
			{Key: "objectEncoding", Value: 0.0},
		}),
	)
	if err != nil {
		return err
	}
	if _, err := c.answer(connect); err != nil {
		return err
	}
	err = errors.Join(
		c.command(release, "releaseStream", nil, t.name),
		c.command(announce, "FCPublish", nil, t.name),
		c.command(create, "createStream", nil),
	)
	if err != nil {
		return err
	}
	made, err := c.answer(create)
	if err != nil {
		return err
	}
	if len(made.Arguments) < 2 || made.Arguments[1] != float64(streamID) {
		return errors.New("the server gave another message stream than its first")
	}
	if err := c.command(publish, "publish", nil, t.name, "live"); err != nil {
		return err
	}
	_, err = c.answer(publish)
	return err
}

// answer waits for what the server says to a command.
func (c *conn) answer(id int) (*message.CommandAMF0, error) {
	for {
		msg, err := c.Read()
		if err != nil {
			return nil, fmt.Errorf("wait for the server's answer: %w", err)
		}
		if refused := c.refusal(msg); refused != nil {
			return nil, refused
		}
		m, ok := msg.(*message.CommandAMF0)
		if !ok || m.CommandID != id && m.CommandID != 0 {
			continue
		}
		switch {
		case m.Name == "_error": // to releaseStream and FCPublish it means nothing, so only the one waited for counts
			return nil, c.refusedBy(m)
		case m.Name == "_result" && id != publish, m.Name == "onStatus" && id == publish:
			return m, nil
		}
	}
}

// refusal returns the refusal that a message is, or nil.
func (c *conn) refusal(msg message.Message) *Refused {
	m, ok := msg.(*message.CommandAMF0)
	if !ok || m.Name != "onStatus" {
		return nil
	}
	if level, _ := information(m).GetString("level"); level != "error" {
		return nil
	}
	return c.refusedBy(m)
}

// refusedBy is what the server said, but for the key: some servers name the stream that they refuse.
func (c *conn) refusedBy(m *message.CommandAMF0) *Refused {
	word := func(name string) string {
		said, _ := information(m).GetString(name)
		key, _, _ := strings.Cut(c.key, "?")
		return strings.NewReplacer(c.key, "…", key, "…").Replace(said)
	}
	return &Refused{Code: word("code"), Description: word("description")}
}

// information is the object in which a server explains itself.
func information(m *message.CommandAMF0) amf0.Object {
	if len(m.Arguments) < 2 {
		return nil
	}
	switch o := m.Arguments[1].(type) {
	case amf0.Object:
		return o
	case amf0.ECMAArray:
		return amf0.Object(o)
	default:
		return nil
	}
}

// goodbye says that the stream is over.
func (c *conn) goodbye() error {
	return c.command(remove, "deleteStream", nil, float64(streamID))
}
