// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Receipts} from "../src/evidence/Receipts.sol";
import {WrongSums} from "../src/evidence/WrongSums.sol";
import {Asserts, Cheats} from "./BrokerFixture.sol";

/// What the Go code keeps in internal/receipt/testdata/vectors.json: the same hash of every object, the same digest and signer, the
/// same fee.
contract ReceiptVectorsTest is Asserts {
    using Receipts for Receipts.Lease;
    using Receipts for Receipts.Source;
    using Receipts for Receipts.Receipt;
    using Receipts for Receipts.Rung[];

    struct Ladder {
        Receipts.Rung[] rungs;
    }

    Cheats private constant vm = Cheats(address(uint160(uint256(keccak256("hevm cheat code")))));

    // The types of internal/receipt: by them the objects' fields are read.
    string private constant LEASE = "Lease(address broadcaster,address orchestrator,bytes32 stream,uint64 lane,uint64 serial,bytes32 ladderHash,"
        "Prices prices,uint256 maxFaceValue,uint256 maxUnpaid,uint64 round,uint64 expiry)"
        "Prices(uint256 h264,uint256 hevc,uint256 av1,uint256 source,uint256 mib)";
    string private constant SOURCE = "Source(bytes32 lease,uint64 seq,uint32 attempt,int64[] resumeAfter,bytes32 root,bytes32 ptsRoot,uint32 frames,"
        "uint32 prefixFrames,uint32 width,uint32 height,uint64 payloadBytes)";
    string private constant RECEIPT = "Receipt(bytes32 lease,uint64 seq,uint32 attempt,bytes32 source,Rendition[] renditions,uint256 fee,"
        "TicketTerms ticket,bytes32 prev)"
        "Rendition(bytes32 profile,bytes32 root,uint32 width,uint32 height,uint32 frames,uint64 payloadBytes)"
        "TicketTerms(uint64 epoch,bytes32 randHash,uint256 faceValue,uint64 expiry)";
    string private constant LADDER =
        "Ladder(Rung[] rungs)Rung(uint8 codec,uint32 width,uint32 height,uint32 bitrate,uint8 divisor)";

    string private _json = vm.readFile("../internal/receipt/testdata/vectors.json");

    function _ladder() private pure returns (Receipts.Rung[] memory rungs) {
        rungs = new Receipts.Rung[](2);
        rungs[0] = Receipts.Rung(1, 1280, 720, 2_500_000, 1);
        rungs[1] = Receipts.Rung(1, 854, 480, 1_400_000, 1);
    }

    function test_signer() public view {
        bytes32 domain = vm.parseJsonBytes32(_json, ".domainSeparator");
        bytes32 receipt = vm.parseJsonBytes32(_json, ".receiptHash");
        eq(keccak256(abi.encodePacked(hex"1901", domain, receipt)), vm.parseJsonBytes32(_json, ".receiptDigest"));
        address signer = Receipts.signer(domain, receipt, vm.parseJsonBytes(_json, ".receiptSignature"));
        eq(signer, vm.parseJsonAddress(_json, ".signer"));
    }

    /// Objects of random fields, and times before zero.
    function test_structHashes() public view {
        Receipts.Lease memory lease = abi.decode(_object("lease", LEASE), (Receipts.Lease));
        eq(lease.hash(), vm.parseJsonBytes32(_json, ".leaseHash"));
        Receipts.Source memory source = abi.decode(_object("source", SOURCE), (Receipts.Source));
        eq(source.hash(), vm.parseJsonBytes32(_json, ".sourceHash"));
        source = abi.decode(_object("resumedSource", SOURCE), (Receipts.Source));
        eq(source.hash(), vm.parseJsonBytes32(_json, ".resumedSourceHash"));
        ok(source.resumeAfter.length == 3 && source.resumeAfter[0] < 0, "signed numbers");
        Receipts.Receipt memory receipt = abi.decode(_object("receipt", RECEIPT), (Receipts.Receipt));
        ok(receipt.renditions.length != 0, "renditions");
        eq(receipt.hash(), vm.parseJsonBytes32(_json, ".receiptHash"));
        Ladder memory ladder = abi.decode(_object("ladder", LADDER), (Ladder));
        (bytes32 hash,) = ladder.rungs.hash();
        eq(hash, vm.parseJsonBytes32(_json, ".ladderHash"));
    }

    function _object(string memory key, string memory typeDescription) private view returns (bytes memory) {
        return vm.parseJsonType(_json, string.concat(".", key), typeDescription);
    }

    function test_ladder() public view {
        (bytes32 ladder,) = Receipts.hash(_ladder());
        eq(ladder, vm.parseJsonBytes32(_json, ".ladder720And480Hash"));
    }

    function test_fee() public {
        Receipts.Prices memory prices = Receipts.Prices(1200, 0, 0, 300, 77);
        Receipts.Source memory source;
        (source.frames, source.prefixFrames, source.width, source.height) = (60, 3, 1280, 720);
        Receipts.Rendition[] memory made = new Receipts.Rendition[](2);
        (made[0].frames, made[0].payloadBytes) = (60, 612_345);
        (made[1].frames, made[1].payloadBytes) = (60, 345_678);
        eq(new WrongSums().fee(prices, _ladder(), source, made), vm.parseJsonUint(_json, ".fee720And480"));
    }
}
