// Command castnet-worker is one transcoding session in a process of its own: the only program that links libav. The
// process that starts it hands it one end of a socket pair as file 3; it lives until that closes or its parent dies.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"

	"golang.org/x/sync/errgroup"

	"castnet/internal/wire"
	"castnet/transcoder"
	"castnet/transcoder/av"
)

// sessionFile is the inherited end of the socket pair.
const sessionFile = 3

func main() {
	run := run
	if len(os.Args) >= 2 && os.Args[1] == "probe" {
		run = probe
	}
	if err := run(context.Background()); err != nil {
		fmt.Fprintln(os.Stderr, "castnet-worker:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context) error {
	if err := tie(); err != nil {
		return err
	}
	file := os.NewFile(sessionFile, "session")
	conn, err := net.FileConn(file)
	if err != nil {
		return fmt.Errorf("no session on file %d: castnet starts this program, people don't: %w", sessionFile, err)
	}
	_ = file.Close() // conn has its own
	defer conn.Close()
	return serve(ctx, conn)
}

// maxCards bounds the search for cards.
const maxCards = 16

// probe prints what each device of this machine, or each that is named, has been seen to do, as a JSON list of
// transcoder.Place.
func probe(context.Context) error {
	var places []transcoder.Place
	if named := os.Args[2:]; len(named) > 0 {
		for _, name := range named {
			d, err := transcoder.ParseDevice(name)
			if err != nil {
				return err
			}
			places = append(places, av.Probe(d))
		}
		return json.NewEncoder(os.Stdout).Encode(places)
	}
	for i := range maxCards {
		decode := av.Probe(transcoder.Device{Backend: transcoder.NvidiaDecode, Index: i})
		if len(decode.Decode) == 0 {
			if i == 0 {
				places = append(places, decode) // it says why there is none
			}
			break
		}
		places = append(places, av.Probe(transcoder.Device{Backend: transcoder.Nvidia, Index: i}), decode)
	}
	places = append(places, av.Probe(transcoder.Device{Backend: transcoder.Software}))
	return json.NewEncoder(os.Stdout).Encode(places)
}

// serve speaks for one session until the connection closes.
func serve(ctx context.Context, conn net.Conn) error {
	msgs := wire.NewConn(conn)
	var first wire.ToTranscoder
	if err := msgs.Read(&first); errors.Is(err, io.EOF) {
		return nil // a spare that was not needed
	} else if err != nil {
		return err
	}
	cfg, err := wire.DecodeOpen(first.GetOpen())
	if err != nil {
		return msgs.Write(wire.EncodeFailed(err))
	}
	if err := confine(cfg.Device); err != nil {
		return msgs.Write(wire.EncodeFailed(err))
	}
	session, err := av.Open(ctx, cfg)
	if err != nil {
		return msgs.Write(wire.EncodeFailed(err))
	}
	// The session is not closed: the process ends with it, at once, also where a call into libav hangs.
	if err := msgs.Write(wire.EncodeOpened()); err != nil {
		return err
	}
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error { return read(ctx, msgs, session) })
	group.Go(func() error { defer conn.Close(); return write(ctx, msgs, session) })
	if err := group.Wait(); !errors.Is(err, io.EOF) {
		return err
	}
	return nil
}

// read feeds the session until the connection closes (io.EOF) or sends what is no message.
func read(ctx context.Context, msgs *wire.Conn, session *av.Session) error {
	for {
		m := new(wire.ToTranscoder)
		if err := msgs.Read(m); err != nil {
			return err
		}
		in, err := wire.DecodeInput(m)
		if err != nil {
			return err
		}
		if err := session.Send(ctx, in); err != nil {
			return err
		}
	}
}

// write sends what comes out of the session, and why it ended where it did.
func write(ctx context.Context, msgs *wire.Conn, session *av.Session) error {
	for {
		out, err := session.Recv(ctx)
		if err != nil {
			if cause := context.Cause(ctx); cause != nil {
				err = cause // what read met
			}
			if !errors.Is(err, io.EOF) {
				err = errors.Join(err, msgs.Write(wire.EncodeFailed(err)))
			}
			return err
		}
		m, err := wire.EncodeOutput(out)
		if err != nil {
			return err
		}
		if err := msgs.Write(m); err != nil {
			return err
		}
	}
}
