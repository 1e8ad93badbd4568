// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IEvidence} from "../src/interfaces/IEvidence.sol";
import {Receipts} from "../src/evidence/Receipts.sol";
import {TwoReceipts} from "../src/evidence/TwoReceipts.sol";
import {WrongSums} from "../src/evidence/WrongSums.sol";
import {DisputesFixture} from "./DisputesFixture.sol";

/// What the two kinds of evidence prove and what they do not.
contract EvidenceTest is DisputesFixture {
    using Receipts for Receipts.Lease;
    using Receipts for Receipts.Source;
    using Receipts for Receipts.Receipt;

    function _judge(IEvidence checker, bytes memory evidence) private view returns (IEvidence.Offence memory) {
        return checker.judge(broker.domainSeparator(), evidence);
    }

    function _refuses(TwoReceipts.Evidence memory e, bytes4 reason) private {
        bytes32 domain = broker.domainSeparator();
        vm.expectRevert(abi.encodeWithSelector(reason));
        twoReceipts.judge(domain, abi.encode(e));
    }

    function _refuses(WrongSums.Evidence memory e, bytes4 reason) private {
        bytes32 domain = broker.domainSeparator();
        vm.expectRevert(abi.encodeWithSelector(reason));
        wrongSums.judge(domain, abi.encode(e));
    }

    function _proves(WrongSums.Evidence memory e) private view {
        eq(_judge(wrongSums, abi.encode(e)).signer, vm.addr(OPERATOR_KEY));
    }

    function test_offenceNamesWhatTheLeaseSays() public view {
        IEvidence.Offence memory o = _judge(twoReceipts, abi.encode(_two()));
        eq(o.lease, _lease().hash());
        eq(o.orchestrator, orchestrator);
        eq(o.broadcaster, sender);
        eq(o.signer, vm.addr(OPERATOR_KEY));
        eq(o.round, 0);
        IEvidence.Offence memory p = _judge(wrongSums, abi.encode(_overcharged()));
        eq(keccak256(abi.encode(o)), keccak256(abi.encode(p)));
    }

    function test_packIsTheEncoding() public view {
        eq(keccak256(twoReceipts.pack(_two())), keccak256(abi.encode(_two())));
        eq(keccak256(wrongSums.pack(_overcharged())), keccak256(abi.encode(_overcharged())));
    }

    // ---------------------------------------------------------------- E1

    function test_oneReceiptTwiceIsNoOffence() public {
        TwoReceipts.Evidence memory e = _two();
        e.second = e.first;
        _refuses(e, TwoReceipts.OneReceipt.selector);
        // Not even by the other form of its signature.
        bytes memory signature = e.first.signature;
        bytes32 s;
        assembly ("memory-safe") {
            s := mload(add(signature, 64))
        }
        bytes32 flipped = bytes32(ORDER - uint256(s));
        bytes memory malleated = bytes.concat(signature);
        assembly ("memory-safe") {
            mstore(add(malleated, 64), flipped)
        }
        malleated[64] = bytes1(1 - uint8(malleated[64]));
        e = _two();
        e.second.signature = malleated;
        _refuses(e, Receipts.InvalidSignature.selector);
    }

    function test_otherSegmentsAttemptsAndLeasesAreNotOne() public {
        for (uint256 i = 0; i < 4; ++i) {
            TwoReceipts.Evidence memory e = _two();
            if (i == 0) ++e.second.receipt.seq;
            if (i == 1) ++e.second.receipt.attempt;
            if (i == 2) e.second.receipt.lease = keccak256("another lease");
            if (i == 3) e.first.receipt.lease = keccak256("another lease");
            e.first = _signReceipt(OPERATOR_KEY, e.first.receipt);
            e.second = _signReceipt(OPERATOR_KEY, e.second.receipt);
            _refuses(e, TwoReceipts.NotOneAttempt.selector);
        }
        TwoReceipts.Evidence memory f = _two();
        f.lease.orchestrator = address(0xBAD); // somebody else is to pay for it
        _refuses(f, TwoReceipts.NotOneAttempt.selector);
    }

    function test_anothersReceiptProvesNothing() public {
        TwoReceipts.Evidence memory e = _two();
        e.second = _signReceipt(0xBAD, e.second.receipt);
        bytes32 domain = broker.domainSeparator();
        vm.expectRevert(abi.encodeWithSelector(TwoReceipts.TwoSigners.selector, vm.addr(OPERATOR_KEY), vm.addr(0xBAD)));
        twoReceipts.judge(domain, abi.encode(e));
    }

    function test_threat_receiptsOfAnotherChainOrContractProveNothing() public view {
        bytes32 other = keccak256("the domain of another chain");
        bytes memory evidence = abi.encode(_overcharged());
        ok(wrongSums.judge(other, evidence).signer != vm.addr(OPERATOR_KEY), "the key of nobody");
    }

    function test_signatureHasOneForm() public {
        TwoReceipts.Evidence memory e = _two();
        e.first.signature[64] = bytes1(uint8(e.first.signature[64]) + 27); // as wallets write it
        _judge(twoReceipts, abi.encode(e));
        e.first.signature = new bytes(64);
        _refuses(e, Receipts.InvalidSignature.selector);
        e.first.signature = new bytes(65);
        _refuses(e, Receipts.InvalidSignature.selector);
    }

    // ---------------------------------------------------------------- E2

    function test_soundReceiptIsNoOffence() public {
        _refuses(_wrong(_receipt()), WrongSums.NoOffence.selector);
    }

    function test_fewerPicturesToldTruthfullyAreNoOffence() public {
        WrongSums.Evidence memory e = _wrong(_receipt());
        Receipts.Receipt memory r = e.receipt.receipt;
        r.renditions[1].frames = 14;
        r.fee = wrongSums.fee(e.lease.prices, e.rungs, e.source, r.renditions);
        _refuses(_wrong(r), WrongSums.NoOffence.selector);
    }

    function test_everyLieInASumIsAnOffence() public view {
        for (uint256 i = 0; i < 8; ++i) {
            WrongSums.Evidence memory e = _wrong(_receipt());
            Receipts.Receipt memory r = e.receipt.receipt;
            if (i == 1) ++r.renditions[0].frames; // more than the source has
            if (i == 2) ++r.renditions[2].frames; // more than every second picture
            if (i == 3) r.renditions[1].width = 1920;
            if (i == 4) r.renditions[1].height = 1080;
            if (i == 5) r.renditions[2].profile = r.renditions[1].profile;
            if (i == 6) (r.renditions[0], r.renditions[1]) = (r.renditions[1], r.renditions[0]);
            if (i == 7) r.renditions = new Receipts.Rendition[](2);
            if (i < 7) r.fee = wrongSums.fee(e.lease.prices, e.rungs, e.source, r.renditions);
            if (i == 0) --r.fee; // too little is a lie as well
            _proves(_wrong(r));
        }
    }

    function test_piecesMustBelongTogether() public {
        for (uint256 i = 0; i < 6; ++i) {
            WrongSums.Evidence memory e = _overcharged();
            if (i == 0) e.rungs[0].bitrate = 1;
            if (i == 1) e.lease.prices.mib = 0;
            if (i == 2) e.source.frames = 1;
            if (i == 3) e.source.lease = keccak256("another lease");
            if (i == 4) ++e.source.seq;
            if (i == 5) ++e.source.attempt;
            if (i > 2) {
                e.receipt.receipt.source = e.source.hash();
                e.receipt = _signReceipt(OPERATOR_KEY, e.receipt.receipt);
            }
            _refuses(e, WrongSums.NotOneSegment.selector);
        }
    }

    function test_threat_unpriceableLeaseIsNoShelter() public view {
        WrongSums.Evidence memory e = _wrong(_receipt());
        e.rungs[1].codec = 4; // has no price
        eq(wrongSums.fee(e.lease.prices, e.rungs, e.source, e.receipt.receipt.renditions), type(uint256).max);
        e = _wrong(_receipt());
        e.lease.prices.source = type(uint256).max; // exceeds 256 bits
        eq(wrongSums.fee(e.lease.prices, e.rungs, e.source, e.receipt.receipt.renditions), type(uint256).max);
        e.rungs[0].codec = 0;
        eq(wrongSums.fee(e.lease.prices, e.rungs, e.source, e.receipt.receipt.renditions), type(uint256).max);
    }

    /// The fee is the documented formula wherever that fits into 256 bits.
    function testFuzz_feeFollowsTheFormula(
        uint128[5] calldata prices,
        uint32[4] calldata frames,
        uint32[4] calldata sizes,
        uint64[2] calldata sent
    ) public view {
        Receipts.Rung[] memory rungs = new Receipts.Rung[](2);
        rungs[0] = Receipts.Rung(1, sizes[0] % 8192, sizes[1] % 8192, 1, 1);
        rungs[1] = Receipts.Rung(uint8(2 + sizes[0] % 2), sizes[2] % 8192, sizes[3] % 8192, 1, 1);
        Receipts.Source memory source;
        source.frames = frames[2];
        source.prefixFrames = frames[3];
        source.width = sizes[3];
        source.height = sizes[2];
        Receipts.Rendition[] memory made = new Receipts.Rendition[](2);
        (made[0].frames, made[1].frames) = (frames[0], frames[1]);
        (made[0].payloadBytes, made[1].payloadBytes) = (sent[0], sent[1]);
        Receipts.Prices memory p = Receipts.Prices(prices[0], prices[1], prices[2], prices[3], prices[4]);
        uint256 want = uint256(prices[0]) * frames[0] * rungs[0].width * rungs[0].height / 1e6;
        want += uint256(prices[rungs[1].codec - 1]) * frames[1] * rungs[1].width * rungs[1].height / 1e6;
        uint256 sourcePixels = (uint256(frames[2]) + frames[3]) * sizes[3] * sizes[2];
        want += sourcePixels * (prices[3] >> 16) / 1e6;
        want += uint256(prices[4]) * (uint256(sent[0]) + sent[1]) / (1 << 20);
        p.source = prices[3] >> 16;
        eq(wrongSums.fee(p, rungs, source, made), want);
    }
}
