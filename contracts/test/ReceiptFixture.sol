// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {TicketBroker} from "../src/TicketBroker.sol";
import {Receipts} from "../src/evidence/Receipts.sol";
import {TwoReceipts} from "../src/evidence/TwoReceipts.sol";
import {WrongSums} from "../src/evidence/WrongSums.sol";
import {Cheats} from "./BrokerFixture.sol";

/// A lease of round 0, a sound receipt under it, and evidence made of unsound ones.
abstract contract ReceiptFixture {
    using Receipts for Receipts.Lease;
    using Receipts for Receipts.Rung;
    using Receipts for Receipts.Source;
    using Receipts for Receipts.Receipt;

    Cheats private constant CHEATS = Cheats(address(uint160(uint256(keccak256("hevm cheat code")))));

    uint256 internal constant OPERATOR_KEY = 0x09E4;

    TwoReceipts internal twoReceipts = new TwoReceipts();
    WrongSums internal wrongSums = new WrongSums();

    function _broker() internal view virtual returns (TicketBroker);
    function _broadcaster() internal view virtual returns (address);
    function _orchestrator() internal view virtual returns (address);

    // ---------------------------------------------------------------- what was signed

    function _rungs() internal pure returns (Receipts.Rung[] memory rungs) {
        rungs = new Receipts.Rung[](3);
        rungs[0] = Receipts.Rung(1, 1280, 720, 2_500_000, 1);
        rungs[1] = Receipts.Rung(2, 854, 480, 1_400_000, 1);
        rungs[2] = Receipts.Rung(3, 640, 360, 800_000, 2);
    }

    function _lease() internal view returns (Receipts.Lease memory lease) {
        lease.broadcaster = _broadcaster();
        lease.orchestrator = _orchestrator();
        lease.stream = keccak256("stream");
        lease.lane = 7;
        lease.serial = 11;
        (lease.ladderHash,) = Receipts.hash(_rungs());
        lease.prices = Receipts.Prices(1200, 1500, 1800, 300, 77);
        lease.maxFaceValue = 1 ether;
        lease.maxUnpaid = 1 ether;
        lease.expiry = _broker().genesis() + 600;
    }

    function _source() internal view returns (Receipts.Source memory source) {
        source.lease = _lease().hash();
        source.seq = 5;
        source.attempt = 1;
        source.root = keccak256("units");
        source.ptsRoot = keccak256("pts");
        source.frames = 61;
        source.prefixFrames = 3;
        source.width = 1920;
        source.height = 1080;
        source.payloadBytes = 1_234_567;
    }

    /// A receipt that adds up, for three renditions.
    function _receipt() internal view returns (Receipts.Receipt memory r) {
        Receipts.Source memory source = _source();
        Receipts.Rung[] memory rungs = _rungs();
        r.lease = source.lease;
        r.seq = source.seq;
        r.attempt = source.attempt;
        r.source = source.hash();
        r.renditions = new Receipts.Rendition[](3);
        for (uint256 i = 0; i < 3; ++i) {
            uint32 frames = i == 2 ? 31 : 61;
            r.renditions[i] = Receipts.Rendition(
                rungs[i].hash(), keccak256(abi.encode("root", i)), rungs[i].width, rungs[i].height, frames, 600_000
            );
        }
        r.fee = wrongSums.fee(_lease().prices, rungs, source, r.renditions);
        r.ticket = Receipts.TicketTerms(9, keccak256("rand"), 1 ether, _broker().genesis() + 1 days);
        r.prev = keccak256("receipt before");
    }

    function _signReceipt(uint256 key, Receipts.Receipt memory r)
        internal
        view
        returns (Receipts.SignedReceipt memory signed)
    {
        bytes32 digest = keccak256(abi.encodePacked(hex"1901", _broker().domainSeparator(), r.hash()));
        (uint8 v, bytes32 rr, bytes32 s) = CHEATS.sign(key, digest);
        signed.receipt = r;
        signed.signature = abi.encodePacked(rr, s, v - 27);
    }

    // ---------------------------------------------------------------- evidence

    function _two() internal view returns (TwoReceipts.Evidence memory e) {
        Receipts.Receipt memory other = _receipt();
        other.renditions[0].root = keccak256("another root");
        e.lease = _lease();
        e.first = _signReceipt(OPERATOR_KEY, _receipt());
        e.second = _signReceipt(OPERATOR_KEY, other);
    }

    function _wrong(Receipts.Receipt memory r) internal view returns (WrongSums.Evidence memory e) {
        e.lease = _lease();
        e.rungs = _rungs();
        e.source = _source();
        e.receipt = _signReceipt(OPERATOR_KEY, r);
    }

    function _overcharged() internal view returns (WrongSums.Evidence memory) {
        Receipts.Receipt memory r = _receipt();
        ++r.fee;
        return _wrong(r);
    }
}
