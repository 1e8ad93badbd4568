// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Asserts} from "./BrokerFixture.sol";
import {Shares} from "../src/staking/Shares.sol";

interface VectorVm {
    function readFile(string calldata path) external view returns (string memory);
    function keyExistsJson(string calldata json, string calldata key) external view returns (bool);
    function parseJsonUint(string calldata json, string calldata key) external pure returns (uint256);
    function toString(uint256 value) external pure returns (string memory);
}

/// Another protocol's cumulative factors (its LIP-36) against our shares. There a delegator's stake grows by endRewardFactor /
/// startRewardFactor, and its fees by stake × (endFeeFactor − startFeeFactor) / startRewardFactor; a factor of 0 is unset, 1.
///
/// In shares the reward factor is the price of a share, stake / shares of the pool, and the fee factor is wei per share: a bond
/// of `stake` at price p buys stake / p shares. Factors that start at 0 mean the pool's beginning, price 1. All rows have a
/// meaning; in the third of delegatorCumulativeFees the reward factor *ends* unset, which is a price of 1 after one of 2: shares
/// can only get there by a slash, and the fees, which came before, must not change by it.
contract StakingVectorsTest is Asserts {
    VectorVm private constant VM = VectorVm(address(uint160(uint256(keccak256("hevm cheat code")))));

    string private _json;

    function setUp() public {
        _json = VM.readFile("test/vectors/earnings_lip36_vectors.json");
    }

    function test_delegatorCumulativeStake() public view {
        eq(_table("delegatorCumulativeStake", "want", ""), 3);
    }

    function test_delegatorCumulativeFees() public view {
        eq(_table("delegatorCumulativeFees", "", "want"), 3);
    }

    function test_stakeAndFees() public view {
        eq(_table("stakeAndFees", "wantStake", "wantFees"), 1);
    }

    /// Goes through the rows of a table; returns how many there were.
    function _table(string memory name, string memory wantStake, string memory wantFees)
        private
        view
        returns (uint256 i)
    {
        for (;; ++i) {
            string memory row = string.concat(".", name, "[", VM.toString(i), "]");
            if (!VM.keyExistsJson(_json, row)) return i;
            (uint256 stake, uint256 fees) = _inShares(row);
            if (bytes(wantStake).length != 0) _near(stake, _get(row, wantStake));
            if (bytes(wantFees).length != 0) _near(fees, _get(row, wantFees));
        }
    }

    /// Stake and fees of a row's delegator, by our arithmetic: it bonds into a pool of another's million shares, whose price and
    /// fee per share then go from the row's start to its end.
    function _inShares(string memory row) private view returns (uint256 stake, uint256 fees) {
        uint256 bond = _get(row, "stake");
        uint256 start = _factor(row, "startRewardFactor");
        uint256 end = _factor(row, "endRewardFactor");
        (uint256 poolStake, uint256 poolShares) = (1e6 * start, 1e6);
        uint256 shares = Shares.bought(bond, poolStake, poolShares);
        (poolStake, poolShares) = (poolStake + bond, poolShares + shares);
        uint256 mark = _get(row, "startFeeFactor") << 96;
        uint256 feePerShare = _get(row, "endFeeFactor") << 96;
        fees = _get(row, "fees") + ((shares * (feePerShare - mark)) >> 96);
        stake = Shares.worth(shares, poolStake * end / start, poolShares);
    }

    function _factor(string memory row, string memory key) private view returns (uint256 factor) {
        factor = _get(row, key);
        if (factor == 0) factor = 1;
    }

    /// Zero where a row does not have the key.
    function _get(string memory row, string memory key) private view returns (uint256) {
        string memory path = string.concat(row, ".", key);
        return VM.keyExistsJson(_json, path) ? VM.parseJsonUint(_json, path) : 0;
    }

    function _near(uint256 got, uint256 want) private pure {
        if (got > want || got + 1 < want) revert NotEqual(bytes32(got), bytes32(want));
    }
}
