// SPDX-License-Identifier: Apache-2.0
// The patterns of the guide, runnable.
