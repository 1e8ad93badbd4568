package rtmp

import (
	"fmt"
	"strings"

	"github.com/bluenviron/gortmplib/pkg/amf0"
	"github.com/bluenviron/gortmplib/pkg/message"

	"castnet/ingest"
)

const (
	// app is the only RTMP application: publishers push to rtmp://host/live/KEY.
	app = "live"
	// maxKey bounds a stream key.
	maxKey = 256
	// windowBytes is after how many bytes each side says that it has got them, outChunk how our own messages are cut.
	windowBytes = 2_500_000
	outChunk    = 65_536
	// statusStream and onlyStream are where a stream's status goes: the chunk stream that is usual for it, and the one
	// message stream that a connection is given.
	statusStream = 5
	onlyStream   = 1 << 24 // 1, in the byte order of message stream ids
)

// command waits for the publisher's next command.
func (c *conn) command() (*message.CommandAMF0, error) {
	for {
		msg, err := c.wire.read()
		if err != nil {
			return nil, err
		}
		if cmd, ok := msg.(*message.CommandAMF0); ok {
			return cmd, nil
		}
	}
}

// connect answers the first command (RTMP 1.0, 7.2.1.1), and returns the application that the publisher asks for.
func (c *conn) connect() (asked string, err error) {
	cmd, err := c.command()
	if err != nil {
		return "", err
	}
	asked, ok := fieldsOf(cmd.Arguments[0]).GetString("app")
	if cmd.Name != "connect" || !ok {
		return "", ingest.BadData(fmt.Sprintf("the first command has to be connect, with an app: it is %.40q", cmd.Name))
	}
	return asked, c.wire.write(
		&message.SetWindowAckSize{Value: windowBytes},
		&message.SetPeerBandwidth{Value: windowBytes, Type: 2},
		&message.SetChunkSize{Value: outChunk},
		result(cmd,
			amf0.Object{{Key: "fmsVer", Value: "LNX 9,0,124,2"}, {Key: "capabilities", Value: float64(31)}},
			amf0.Object{
				{Key: "level", Value: "status"},
				{Key: "code", Value: "NetConnection.Connect.Success"},
				{Key: "description", Value: "Connection succeeded."},
				{Key: "objectEncoding", Value: float64(0)},
			}),
	)
}

// wish answers commands until one says what the publisher wants (7.2.2), and returns the stream's name and whether it is to
// be published. Commands that need no answer, as FCPublish, get none.
func (c *conn) wish() (name string, publish bool, err error) {
	for {
		cmd, err := c.command()
		if err != nil {
			return "", false, err
		}
		switch cmd.Name {
		case "createStream":
			if err := c.wire.write(result(cmd, nil, float64(1))); err != nil {
				return "", false, err
			}
		case "publish", "play":
			if len(cmd.Arguments) > 1 {
				if name, ok := cmd.Arguments[1].(string); ok {
					return name, cmd.Name == "publish", nil
				}
			}
			return "", false, ingest.BadData("the " + cmd.Name + " command names no stream")
		}
	}
}

// keyOf is the stream key of an application and the name of a stream in it; their queries say nothing to us.
func keyOf(asked, name string) (key string, err error) {
	asked, _, _ = strings.Cut(asked, "?")
	name, _, _ = strings.Cut(name, "?")
	first, key, _ := strings.Cut(strings.Trim(strings.Trim(asked, "/")+"/"+name, "/"), "/")
	switch {
	case first != app:
		return "", &ingest.Refusal{Code: ingest.CodeWrongKey, Message: "publish to rtmp://HOST/live/KEY", Asked: fmt.Sprintf("/%.40s", first), Limit: "/live"}
	case key == "":
		return "", &ingest.Refusal{Code: ingest.CodeWrongKey, Message: "the stream key is missing: publish to rtmp://HOST/live/KEY"}
	case len(key) > maxKey:
		return "", &ingest.Refusal{Code: ingest.CodeWrongKey, Message: "the stream key is too long", Limit: fmt.Sprintf("%d bytes", maxKey)}
	}
	return key, nil
}

// result says yes to a command.
func result(cmd *message.CommandAMF0, arguments ...any) *message.CommandAMF0 {
	return &message.CommandAMF0{ChunkStreamID: cmd.ChunkStreamID, Name: "_result", CommandID: cmd.CommandID, Arguments: arguments}
}

// status tells the publisher how its stream does.
func status(level, code, description string) *message.CommandAMF0 {
	return &message.CommandAMF0{
		ChunkStreamID: statusStream, MessageStreamID: onlyStream, Name: "onStatus",
		Arguments: []any{nil, amf0.Object{
			{Key: "level", Value: level},
			{Key: "code", Value: code},
			{Key: "description", Value: description},
		}},
	}
}
