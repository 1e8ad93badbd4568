package main

import "castnet/internal/node"

type benchCmd struct {
	Transcoder node.BenchTranscoder `cmd:"" help:"Measure how many ladders this machine makes at once, and keep it as its capacity."`
}
