/*
 * Licensed under the Apache License, Version 2.0 (the "License");
 * you may not use this file except in compliance with the License.
 * You may obtain a copy of the License at
 *
 *     http://www.apache.org/licenses/LICENSE-2.0
 *
 * Unless required by applicable law or agreed to in writing, software
 * distributed under the License is distributed on an "AS IS" BASIS,
 * WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied.
 * See the License for the specific language governing permissions and
 * limitations under the License.
 */

package io.flinkkubeha.peers;

import org.apache.flink.runtime.testutils.InternalMiniClusterExtension;
import org.apache.flink.runtime.testutils.MiniClusterResourceConfiguration;

import org.junit.jupiter.api.extension.ExtensionContext;

/** A MiniCluster with high availability for all tests of a class. */
public final class HaMiniCluster extends InternalMiniClusterExtension {

    public HaMiniCluster(PeerCluster cluster) {
        super(
                new MiniClusterResourceConfiguration.Builder()
                        .setConfiguration(cluster.configuration())
                        .build());
    }

    /** As a static extension it has been started already. */
    @Override
    public void beforeEach(ExtensionContext context) {}

    @Override
    public void afterEach(ExtensionContext context) {}
}
