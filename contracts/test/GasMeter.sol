// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

/// The part of forge's cheat codes that measures.
interface GasCheats {
    struct Gas {
        uint64 gasLimit;
        uint64 gasTotalUsed;
        uint64 gasMemoryUsed;
        int64 gasRefunded;
        uint64 gasRemaining;
    }

    function lastCallGas() external view returns (Gas memory);
    function snapshotValue(string calldata group, string calldata name, uint256 value) external;
}

/// Measures whole transactions: 21,000, calldata, and execution on cold storage, less refunds. It takes isolated calls.
abstract contract GasMeter {
    GasCheats private constant CHEATS = GasCheats(address(uint160(uint256(keccak256("hevm cheat code")))));

    error TooDear(string what, uint256 gas, uint256 limit);

    /// What the last call cost is written down, and is at most `limit`, if there is one.
    function _measure(string memory group, string memory name, uint256 limit) internal returns (uint256 gas) {
        GasCheats.Gas memory last = CHEATS.lastCallGas();
        uint256 refund = uint256(uint64(last.gasRefunded));
        uint256 most = last.gasTotalUsed / 5; // EIP-3529
        gas = last.gasTotalUsed - (refund < most ? refund : most);
        CHEATS.snapshotValue(group, name, gas);
        if (limit != 0 && gas > limit) revert TooDear(name, gas, limit);
    }
}
