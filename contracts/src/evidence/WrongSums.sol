// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";
import {IEvidence} from "../interfaces/IEvidence.sol";
import {Receipts} from "./Receipts.sol";

/// @title WrongSums
/// @notice Evidence E2: a signed receipt that doesn't add up. Its fee is not what lease, source and counts give, its renditions
/// are not the lease's in number, profile or size, or one has more pictures than can come of the source. (Fewer is no offence:
/// bad work that is told truthfully is not paid, and that is all.)
contract WrongSums is IEvidence {
    using Receipts for Receipts.Lease;
    using Receipts for Receipts.Source;
    using Receipts for Receipts.Receipt;
    using Receipts for Receipts.Rung[];

    /// @notice A receipt and everything that its fee follows from.
    struct Evidence {
        Receipts.Lease lease;
        Receipts.Rung[] rungs;
        Receipts.Source source;
        Receipts.SignedReceipt receipt;
    }

    uint256 private constant PIXELS_PER_PRICE = 1e6;
    uint256 private constant BYTES_PER_PRICE = 1 << 20;

    uint8 private constant H264 = 1;
    uint8 private constant HEVC = 2;
    uint8 private constant AV1 = 3;

    /// @notice Lease, ladder, source and receipt do not belong together.
    error NotOneSegment();
    /// @notice The receipt adds up.
    error NoOffence();

    /// @inheritdoc IEvidence
    function judge(bytes32 domainSeparator, bytes calldata evidence) external pure returns (Offence memory) {
        Evidence memory e = abi.decode(evidence, (Evidence));
        Receipts.Receipt memory r = e.receipt.receipt;
        bytes32 lease = e.lease.hash();
        (bytes32 ladder, bytes32[] memory profiles) = e.rungs.hash();
        if (
            ladder != e.lease.ladderHash || r.lease != lease || r.source != e.source.hash() || e.source.lease != lease
                || e.source.seq != r.seq || e.source.attempt != r.attempt
        ) revert NotOneSegment();
        if (_isAsAgreed(e, profiles) && r.fee == fee(e.lease.prices, e.rungs, e.source, r.renditions)) {
            revert NoOffence();
        }
        address signer = Receipts.signer(domainSeparator, r.hash(), e.receipt.signature);
        return Offence(lease, e.lease.orchestrator, e.lease.broadcaster, signer, e.lease.round);
    }

    /// @notice The bytes that `judge` takes.
    function pack(Evidence calldata evidence) external pure returns (bytes memory) {
        return abi.encode(evidence);
    }

    /// @notice What a segment costs in wei; type(uint256).max where it has no price: a codec without one, or an amount beyond
    /// 256 bits.
    ///
    /// fee = Σ over renditions ⌊price[codec] · frames · width · height / 10^6⌋
    ///     + ⌊price.source · (frames + prefixFrames) · width · height / 10^6⌋ + ⌊price.mib · Σ bytes / 2^20⌋
    function fee(
        Receipts.Prices memory prices,
        Receipts.Rung[] memory rungs,
        Receipts.Source memory source,
        Receipts.Rendition[] memory renditions
    ) public pure returns (uint256 sum) {
        uint256 sourceFrames = uint256(source.frames) + source.prefixFrames;
        sum = _term(prices.source, sourceFrames * source.width * source.height, PIXELS_PER_PRICE);
        uint256 sent;
        for (uint256 i = 0; i < rungs.length; ++i) {
            Receipts.Rung memory rung = rungs[i];
            if (rung.codec < H264 || rung.codec > AV1) return type(uint256).max;
            uint256 price = rung.codec == H264 ? prices.h264 : rung.codec == HEVC ? prices.hevc : prices.av1;
            uint256 pixels = uint256(renditions[i].frames) * rung.width * rung.height;
            sum = Math.saturatingAdd(sum, _term(price, pixels, PIXELS_PER_PRICE));
            sent += renditions[i].payloadBytes;
        }
        sum = Math.saturatingAdd(sum, _term(prices.mib, sent, BYTES_PER_PRICE));
    }

    /// Whether number, profiles, sizes and counts of the renditions are what lease and source allow.
    function _isAsAgreed(Evidence memory e, bytes32[] memory profiles) private pure returns (bool) {
        Receipts.Rendition[] memory made = e.receipt.receipt.renditions;
        if (made.length != profiles.length) return false;
        for (uint256 i = 0; i < made.length; ++i) {
            Receipts.Rung memory rung = e.rungs[i];
            if (made[i].profile != profiles[i] || made[i].width != rung.width || made[i].height != rung.height) {
                return false;
            }
            if (made[i].frames > Math.ceilDiv(e.source.frames, Math.max(1, rung.divisor))) return false;
        }
        return true;
    }

    /// ⌊price · quantity / per⌋, saturating.
    function _term(uint256 price, uint256 quantity, uint256 per) private pure returns (uint256) {
        (uint256 high,) = Math.mul512(price, quantity);
        return high >= per ? type(uint256).max : Math.mulDiv(price, quantity, per);
    }
}
