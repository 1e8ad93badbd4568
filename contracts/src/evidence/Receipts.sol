// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

/// @title Receipts
/// @notice The objects that broadcaster and orchestrator sign off the chain, and their EIP-712 hashes: the same types, field by
/// field, as the Go package internal/receipt. A ladder is hashed as the rungs in their order.
library Receipts {
    /// @notice Wei per 10^6 output pixels by codec, per 10^6 source pixels, per MiB sent.
    struct Prices {
        uint256 h264;
        uint256 hevc;
        uint256 av1;
        uint256 source;
        uint256 mib;
    }

    /// @notice One profile of a ladder.
    struct Rung {
        uint8 codec;
        uint32 width;
        uint32 height;
        uint32 bitrate;
        uint8 divisor; // every divisor-th picture of the source is made
    }

    /// @notice The terms of work, signed by the orchestrator's operator key and countersigned by the broadcaster.
    struct Lease {
        address broadcaster;
        address orchestrator;
        bytes32 stream;
        uint64 lane;
        uint64 serial;
        bytes32 ladderHash;
        Prices prices;
        uint256 maxFaceValue;
        uint256 maxUnpaid;
        uint64 round; // whose stake and keys judge it
        uint64 expiry;
    }

    /// @notice What one attempt at a segment was given, signed by the broadcaster.
    struct Source {
        bytes32 lease;
        uint64 seq;
        uint32 attempt;
        int64[] resumeAfter;
        bytes32 root;
        bytes32 ptsRoot;
        uint32 frames;
        uint32 prefixFrames;
        uint32 width;
        uint32 height;
        uint64 payloadBytes;
    }

    /// @notice What one rung of a segment came out as.
    struct Rendition {
        bytes32 profile; // hash of the rung
        bytes32 root;
        uint32 width;
        uint32 height;
        uint32 frames;
        uint64 payloadBytes;
    }

    /// @notice What the ticket that pays a receipt must say.
    struct TicketTerms {
        uint64 epoch;
        bytes32 randHash;
        uint256 faceValue;
        uint64 expiry;
    }

    /// @notice What came of a source and what it costs, signed by the orchestrator's operator key.
    struct Receipt {
        bytes32 lease;
        uint64 seq;
        uint32 attempt;
        bytes32 source;
        Rendition[] renditions;
        uint256 fee;
        TicketTerms ticket;
        bytes32 prev;
    }

    /// @notice A receipt with its signature: r ‖ s ‖ v, low s.
    struct SignedReceipt {
        Receipt receipt;
        bytes signature;
    }

    bytes private constant PRICES = "Prices(uint256 h264,uint256 hevc,uint256 av1,uint256 source,uint256 mib)";
    bytes private constant RUNG = "Rung(uint8 codec,uint32 width,uint32 height,uint32 bitrate,uint8 divisor)";
    bytes private constant RENDITION =
        "Rendition(bytes32 profile,bytes32 root,uint32 width,uint32 height,uint32 frames,uint64 payloadBytes)";
    bytes private constant TICKET_TERMS = "TicketTerms(uint64 epoch,bytes32 randHash,uint256 faceValue,uint64 expiry)";

    bytes32 private constant PRICES_TYPEHASH = keccak256(PRICES);
    bytes32 private constant RUNG_TYPEHASH = keccak256(RUNG);
    bytes32 private constant LADDER_TYPEHASH = keccak256(abi.encodePacked("Ladder(Rung[] rungs)", RUNG));
    bytes32 private constant LEASE_TYPEHASH = keccak256(
        abi.encodePacked(
            "Lease(address broadcaster,address orchestrator,bytes32 stream,uint64 lane,uint64 serial,bytes32 ladderHash,"
            "Prices prices,uint256 maxFaceValue,uint256 maxUnpaid,uint64 round,uint64 expiry)",
            PRICES
        )
    );
    bytes32 private constant SOURCE_TYPEHASH = keccak256(
        "Source(bytes32 lease,uint64 seq,uint32 attempt,int64[] resumeAfter,bytes32 root,bytes32 ptsRoot,uint32 frames,"
        "uint32 prefixFrames,uint32 width,uint32 height,uint64 payloadBytes)"
    );
    bytes32 private constant RENDITION_TYPEHASH = keccak256(RENDITION);
    bytes32 private constant TICKET_TERMS_TYPEHASH = keccak256(TICKET_TERMS);
    bytes32 private constant RECEIPT_TYPEHASH = keccak256(
        abi.encodePacked(
            "Receipt(bytes32 lease,uint64 seq,uint32 attempt,bytes32 source,Rendition[] renditions,uint256 fee,"
            "TicketTerms ticket,bytes32 prev)",
            RENDITION,
            TICKET_TERMS
        )
    );

    uint256 private constant HALF_ORDER = 0x7fffffffffffffffffffffffffffffff5d576e7357a4501ddfe92f46681b20a0;

    /// @notice The signature is not 65 bytes r ‖ s ‖ v with low s of a key.
    error InvalidSignature();

    /// @notice The struct hash of a lease: its name in sources and receipts.
    function hash(Lease memory l) internal pure returns (bytes32) {
        bytes32 prices = keccak256(abi.encode(PRICES_TYPEHASH, l.prices));
        return keccak256(
            bytes.concat(
                abi.encode(LEASE_TYPEHASH, l.broadcaster, l.orchestrator, l.stream, l.lane, l.serial, l.ladderHash),
                abi.encode(prices, l.maxFaceValue, l.maxUnpaid, l.round, l.expiry)
            )
        );
    }

    /// @notice The struct hash of a rung: the id of the rendition made to it.
    function hash(Rung memory r) internal pure returns (bytes32) {
        return keccak256(abi.encode(RUNG_TYPEHASH, r));
    }

    /// @notice The struct hash of a ladder, and its rungs' hashes.
    function hash(Rung[] memory rungs) internal pure returns (bytes32 ladder, bytes32[] memory ids) {
        ids = new bytes32[](rungs.length);
        for (uint256 i = 0; i < rungs.length; ++i) {
            ids[i] = hash(rungs[i]);
        }
        ladder = keccak256(abi.encode(LADDER_TYPEHASH, keccak256(abi.encodePacked(ids))));
    }

    /// @notice The struct hash of a source.
    function hash(Source memory s) internal pure returns (bytes32) {
        bytes32 resume = keccak256(abi.encodePacked(s.resumeAfter));
        return keccak256(
            bytes.concat(
                abi.encode(SOURCE_TYPEHASH, s.lease, s.seq, s.attempt, resume, s.root, s.ptsRoot),
                abi.encode(s.frames, s.prefixFrames, s.width, s.height, s.payloadBytes)
            )
        );
    }

    /// @notice The struct hash of a receipt: what its ticket names.
    function hash(Receipt memory r) internal pure returns (bytes32) {
        bytes32[] memory renditions = new bytes32[](r.renditions.length);
        for (uint256 i = 0; i < renditions.length; ++i) {
            renditions[i] = keccak256(abi.encode(RENDITION_TYPEHASH, r.renditions[i]));
        }
        bytes32 terms = keccak256(abi.encode(TICKET_TERMS_TYPEHASH, r.ticket));
        bytes32 made = keccak256(abi.encodePacked(renditions));
        return keccak256(
            bytes.concat(
                abi.encode(RECEIPT_TYPEHASH, r.lease, r.seq, r.attempt, r.source, made),
                abi.encode(r.fee, terms, r.prev)
            )
        );
    }

    /// @notice Who signed a struct hash in a domain; reverts where that cannot be said for sure.
    function signer(bytes32 domainSeparator, bytes32 structHash, bytes memory signature)
        internal
        pure
        returns (address account)
    {
        if (signature.length != 65) revert InvalidSignature();
        bytes32 r;
        bytes32 s;
        uint8 v = uint8(signature[64]);
        assembly ("memory-safe") {
            r := mload(add(signature, 32))
            s := mload(add(signature, 64))
        }
        if (uint256(s) > HALF_ORDER) revert InvalidSignature();
        bytes32 digest = keccak256(abi.encodePacked(hex"1901", domainSeparator, structHash));
        account = ecrecover(digest, v < 27 ? v + 27 : v, r, s);
        if (account == address(0)) revert InvalidSignature();
    }
}
