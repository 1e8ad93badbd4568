package main

import "castnet/internal/node/transcoding"

type benchCmd struct {
	Transcoder transcoding.Bench `cmd:"" help:"Measure how many ladders this machine makes at once, and keep it as its capacity."`
}
